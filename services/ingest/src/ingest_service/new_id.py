"""Ids of what is new, in the order of time."""

from uuid import UUID

from uuid6 import uuid7


def new_id() -> UUID:
    return UUID(str(uuid7()))
