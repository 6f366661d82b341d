"""When two records are the same: as imports say it in SQL, by `conversion.typed_rows`."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

# Ids of a source and references to them; a longer one is no id.
LONGEST_REFERENCE = 2048
# Longer ids are known by their hash, since an index takes no more.
LONGEST_KEY = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def reference_key(reference: str) -> str:
    """Gives the key of a record with this id at its source."""
    return f"~~{_hash(reference)}" if len(reference) > LONGEST_KEY else reference


def post_key(id_externo: str, published: datetime, contenido: str) -> str:
    """Gives the key of a post: its id at the source, or what its time and text make."""
    if id_externo:
        return reference_key(id_externo)
    microseconds = (published - _EPOCH) // timedelta(microseconds=1)
    return "~" + _hash(f"{microseconds}\n{contenido}")


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
