"""Random numbers that are the same in every run: each part of the demo has a stream of its own."""

import zlib
from random import Random

import numpy as np

SEED = 20_240_701


def numbers(*names: str) -> np.random.Generator:
    """A stream of numbers for one part, such as ("posts", "BanBif")."""
    return np.random.default_rng([SEED, zlib.crc32("/".join(names).encode())])


def choices(*names: str) -> Random:
    """The same for picking from lists."""
    return Random(SEED * 4_294_967_296 + zlib.crc32("/".join(names).encode()))  # noqa: S311 - nothing secret.
