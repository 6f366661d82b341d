"""A trained model as it is kept: a graph and a card, each addressed by the hash of its bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Kind = Literal["forecast", "clusters"]


@dataclass(frozen=True)
class TrainedModel:
    """What a training leaves: ONNX bytes and what is said of them."""

    kind: Kind
    graph: bytes
    card: Mapping[str, Any]


@dataclass(frozen=True)
class ModelVersion:
    """One training of an account's model, kept for good."""

    model_id: UUID
    kind: Kind
    username: str
    version: int
    sha256: str
    card_sha256: str
    card: Mapping[str, Any]
    is_active: bool
    trained_by: str
    trained_at: datetime


def card_bytes(card: Mapping[str, Any]) -> bytes:
    """The one way to write a card, so that equal cards have equal hashes."""
    return json.dumps(card, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def content_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
