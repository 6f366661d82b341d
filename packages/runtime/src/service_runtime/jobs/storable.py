"""Texts that quote what came from outside, as PostgreSQL takes them."""


def storable(text: str) -> str:
    """Gives the text with a sign in the place of each NUL and each half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
