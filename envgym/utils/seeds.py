"""Seeds derived from a run's seed and the names and indices of what draws from them.

A hash keeps the streams of neighbouring indices apart and gives the same numbers in every process.
"""

from __future__ import annotations

import hashlib

_STRIDE = 100_003


def derive_seed(*parts: str | int, bits: int = 56) -> int:
    """Return the seed named by `parts`, 0 to 2**`bits` - 1.

    Args:
        parts: Names and indices, outermost first. A part that holds ``:`` reads as several.
        bits: Size of the seed, a multiple of 8. Seeds of different sizes share no prefix.
    """
    text = ":".join(map(str, parts))
    digest = hashlib.blake2b(text.encode(), digest_size=bits // 8).digest()
    return int.from_bytes(digest, "big")


def indexed_seed(seed: int, index: int) -> int:
    """Return the seed of the episode on the `index`-th task of a fixed list, below task 100,003.

    Evaluations and demonstrations use this formula in place of `derive_seed`, because recorded
    scores rest on its numbers.
    """
    return seed * _STRIDE + index
