"""Asks each service about its settings before anything starts: a bad one would end its processes again and again."""

import importlib

from service_runtime.config import read_settings

from local_suite.environment import SERVICES, service_environment
from local_suite.errors import BadSetting
from local_suite.home import Home


def check_settings(home: Home) -> None:
    """Refuses what a service would refuse, in the service's own sentences."""
    complaints: dict[str, None] = {}
    for service in SERVICES:
        settings = importlib.import_module(f"{service}_service.config").Settings
        environment = service_environment(home, service)
        given = {name: environment[name.upper()] for name in settings.model_fields if name.upper() in environment}
        complaints |= dict.fromkeys(read_settings(settings, **given)[1])
    if complaints:
        raise BadSetting("\n".join(complaints))
