"""What the ml service can be told, beyond what every service can."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from service_runtime.config import RuntimeSettings


class Settings(RuntimeSettings):
    """Settings of ml."""

    # Without its own key the service could not tell the trail what happens in it.
    required_in_production: ClassVar[frozenset[str]] = RuntimeSettings.required_in_production | {
        "service_private_key_file"
    }

    # How long a training call waits for its job before it answers 202, in seconds.
    training_wait_seconds: float = Field(default=20.0, ge=0, le=25)
    # How long the answer of ingest, which accounts a person may see, is believed, in seconds; 0: not at all.
    visible_accounts_seconds: float = Field(default=30, ge=0, le=30)
    # Models kept in memory; the one longest unused gives way.
    models_in_memory: int = Field(default=256, ge=1)
    # Seconds after its last training when an idle worker gives back the memory of the training code, some 200 MB, by
    # beginning anew; 0: never. The next training then takes some seconds longer.
    worker_idle_seconds: float = Field(default=60.0, ge=0)
