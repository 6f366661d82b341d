"""Texts that quote what came from outside, as PostgreSQL takes them: no job's end or event is lost for one."""

from collections.abc import Mapping


def storable(text: str) -> str:
    """Gives the text with a sign in the place of each NUL and each half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def storable_map(texts: Mapping[str, str]) -> dict[str, str]:
    """Gives the texts so, and their names."""
    return {storable(name): storable(text) for name, text in texts.items()}
