"""The signature vectors of project Wycheproof: what is invalid is refused, and what is valid holds for RS256 alone."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

from service_runtime.key_set import KeySet
from service_runtime.signature import ALGORITHM, BadSignature, key_id, signed_payload
from support.tokens import TestIssuer

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "wycheproof" / "json_web_signature.json").read_text())

OWN_KEYS = json.loads(TestIssuer().jwks)["keys"]


def held(key: dict[str, Any], token: str) -> bool:
    """Goes the way of every token: the key is one that the signer publishes, found by the name in the token."""
    published = json.dumps({"keys": [key, *OWN_KEYS]}).encode()

    async def fetch() -> bytes:
        return published

    try:
        found = asyncio.run(KeySet(fetch, lambda: 0).find(key_id(token)))
        if found is None:
            return False
        signed_payload(token, found)
    except BadSignature:
        return False
    return True


def test_every_vector_is_judged_as_it_must_be() -> None:
    judged = Counter[tuple[str, bool]]()
    for group in VECTORS["groups"]:
        key = group["key"]
        for number, result, comment, token in group["tests"]:
            holds = held(key, token)
            judged[result, holds] += 1
            # A good signature by an algorithm that we do not take is no good one here.
            expected = result == "valid" and key.get("alg") == ALGORITHM
            assert holds == expected, (number, comment)
    assert sum(judged.values()) == 401
    assert judged["invalid", True] == 0
    # The positive control: these held.
    assert judged["valid", True] == 8
