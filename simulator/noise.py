"""Seeded noise: hashes of integers, the same on every machine and in every process."""

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def hashed(key: int, numbers: Ints) -> NDArray[np.uint64]:
    """64 well mixed bits for each number (splitmix64)."""
    with np.errstate(over="ignore"):
        x = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key & 0xFFFFFFFFFFFFFFFF)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def uniform(key: int, numbers: Ints) -> Floats:
    """In [0, 1)."""
    return (hashed(key, numbers) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(key: int, numbers: Ints) -> Floats:
    """Mean 0, variance 1, bounded by ±3.5: the sum of four uniforms, as exact on every machine."""
    bits = hashed(key, numbers)
    parts = [((bits >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float64) for shift in (0, 16, 32, 48)]
    return ((parts[0] + parts[1] + parts[2] + parts[3]) / 65_536.0 - 2.0) * 1.7320508075688772


def key_of(seed: int, *words: object) -> int:
    text = ":".join(str(word) for word in (seed, *words)).encode()
    return crc32(text) << 32 | crc32(text[::-1])


def smooth(key: int, where: Floats) -> Floats:
    """Value noise in [-1, 1] with a continuous slope."""
    left = np.floor(where).astype(np.int64)
    part = where - left
    ease = part * part * (3.0 - 2.0 * part)
    return (uniform(key, left) * (1.0 - ease) + uniform(key, left + 1) * ease) * 2.0 - 1.0
