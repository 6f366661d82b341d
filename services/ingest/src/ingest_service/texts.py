"""Which texts of callers can be kept."""

from collections.abc import Mapping

from service_runtime.errors import InvalidArgument


def refuse_nul(values: Mapping[str, object]) -> None:
    """Raises INVALID_TEXT for the first text with a NUL, which PostgreSQL keeps in no text, and names it."""
    for name, value in values.items():
        if isinstance(value, str) and "\0" in value:
            raise InvalidArgument("INVALID_TEXT", f"{name} has a NUL character.", field=name)
