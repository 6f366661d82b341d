"""The OpenAPI document, made from the contracts."""
