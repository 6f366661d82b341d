"""Puts the OpenAPI document together."""

import json


def openapi_json() -> str:
    """Gives the text of gateway/openapi.json."""
    return json.dumps({"openapi": "3.1.0", "info": {"title": "Atalaya", "version": "0.1.0"}, "paths": {}}) + "\n"
