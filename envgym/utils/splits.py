"""Assignment of tasks to ``train`` and ``test`` by a hash of their content.

The same content is in the same split on every machine and under every seed, so a training run never
sees a test task, even where two generators write the same small puzzle.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Collection
from typing import Literal

from envgym.errors import UsageError

Split = Literal["train", "test"]
HashName = Literal["blake2b", "sha256-byte", "sha256-byte-mod-5", "crc32-mod-5"]

SPLITS: tuple[Split, ...] = ("train", "test")

_POSITIONS: dict[HashName, Callable[[bytes], float]] = {
    "blake2b": lambda key: _integer(hashlib.blake2b(key, digest_size=4).digest()) / 2**32,
    "sha256-byte": lambda key: hashlib.sha256(key).digest()[0] / 256,
    "sha256-byte-mod-5": lambda key: hashlib.sha256(key).digest()[0] % 5 / 5,
    "crc32-mod-5": lambda key: zlib.crc32(key) % 5 / 5,
}


def hash_split(key: str, test_share: float = 0.2, *, hash_name: HashName = "blake2b") -> Split:
    """Return the split of a task: ``test`` for about `test_share` of all keys.

    Args:
        key: What identifies the task, for example its statement.
        test_share: Expected share of test tasks, 0 to 1.
        hash_name: Maps the key to a position in [0, 1); positions below `test_share` are test.
            ``blake2b`` resolves shares to 2**-32 and suits new environments. The others keep the
            splits of environments whose recorded results rest on them: ``sha256-byte`` resolves
            shares to 1/256, the two ``mod-5`` ones to 1/5.
    """
    position = _POSITIONS[hash_name](key.encode(errors="replace"))
    return "test" if position < test_share else "train"


def check_split(split: str, known: Collection[str] = SPLITS) -> None:
    """Refuse the name of a split that does not exist.

    Raises:
        UsageError: `split` is not among `known`.
    """
    if split not in known:
        *most, last = known
        raise UsageError(f"no split {split!r}: use {', '.join(most)} or {last}")


def _integer(digest: bytes) -> int:
    return int.from_bytes(digest, "big")
