"""A trained model as it is kept: a graph and a card, each addressed by the hash of its bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TrainedModel:
    """What a training leaves: ONNX bytes and what is said of them."""

    kind: str
    graph: bytes
    card: Mapping[str, Any]


def card_bytes(card: Mapping[str, Any]) -> bytes:
    """The one way to write a card, so that equal cards have equal hashes."""
    return json.dumps(card, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def content_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
