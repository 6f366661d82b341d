"""Remembers which keys a file has had, in little memory whatever the file's size."""

import numpy as np
from numpy.typing import NDArray

_BITS = 1 << 25
_PROBES = 4


class SeenKeys:
    """A Bloom filter: no key that was there before is called new; some 30 of a million new ones are not called so."""

    def __init__(self) -> None:
        self._bits = np.zeros(_BITS // 8, np.uint8)

    def are_new(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Tells of each key's hash whether the key is here for the first time, and remembers it."""
        # Two halves of a hash make as many places as are needed.
        low, high = hashes & np.uint64(0xFFFFFFFF), (hashes >> np.uint64(32)) | np.uint64(1)
        known = np.ones(len(hashes), bool)
        for probe in range(_PROBES):
            place = (low + np.uint64(probe) * high) % np.uint64(_BITS)
            byte = (place >> np.uint64(3)).astype(np.int64)
            bit = np.left_shift(1, place & np.uint64(7), dtype=np.uint64).astype(np.uint8)
            known &= (self._bits[byte] & bit) != 0
            np.bitwise_or.at(self._bits, byte, bit)
        _, first = np.unique(hashes, return_index=True)
        is_first = np.zeros(len(hashes), bool)
        is_first[first] = True
        return ~known & is_first
