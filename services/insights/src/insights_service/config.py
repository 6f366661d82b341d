"""What the insights service can be told, beyond what every service can."""

from pydantic import Field
from service_runtime.config import RuntimeSettings


class Settings(RuntimeSettings):
    """Settings of insights."""

    # How long the answer of ingest, which accounts a person may see, is believed, in seconds; 0: not at all.
    visible_accounts_seconds: float = Field(default=30, ge=0, le=30)
    # Posts that are read, labelled and stored at a time; it bounds the memory of a request.
    posts_per_batch: int = Field(default=8192, ge=1, le=100_000)
