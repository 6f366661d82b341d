"""A time's message."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(moment: datetime | None) -> Timestamp | None:
    """Gives the message of a time, which is in UTC where it has no zone; None stays absent."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message
