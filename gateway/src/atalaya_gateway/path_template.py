"""Turns the paths of google.api.http into what Envoy's routes and OpenAPI want."""

import re

_VARIABLE = re.compile(r"\{([\w.]+)(?:=([^}]*))?\}")


def has_variable(path: str) -> bool:
    """Tells whether a path has a part that the caller chooses."""
    return "{" in path


def as_regex(path: str) -> str:
    """Gives the regular expression that a whole request path must match."""
    parts, end = [], 0
    for variable in _VARIABLE.finditer(path):
        parts.append(re.escape(path[end : variable.start()]))
        parts.append(_segments(variable.group(2) or "*"))
        end = variable.end()
    parts.append(re.escape(path[end:]))
    return "".join(parts).replace(r"\-", "-")


def as_openapi(path: str) -> str:
    """Gives the path with plain names in braces."""
    return _VARIABLE.sub(lambda variable: "{" + variable.group(1) + "}", path)


def variable_patterns(path: str) -> dict[str, str]:
    """Gives the regular expression of each variable that is more than one free segment."""
    found = {variable.group(1): variable.group(2) for variable in _VARIABLE.finditer(path)}
    return {name: f"^{_segments(template)}$" for name, template in found.items() if template and template != "*"}


def specificity(path: str) -> tuple[bool, bool, int, str]:
    """Orders paths so that of two that match a request the closer one comes first."""
    literal = _VARIABLE.sub("", path)
    has_verb = ":" in literal.rsplit("/", 1)[-1]
    return has_variable(path), not has_verb, -len(literal), path


def _segments(template: str) -> str:
    escaped = re.escape(template).replace(r"\-", "-")
    return escaped.replace(r"\*\*", ".+").replace(r"\*", "[^/]+")
