"""Stop strings on token ids: the test that sampled ids have just completed one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def stop_on(strings: tuple[str, ...], tokenizer: Any) -> Callable[[list[int]], bool]:
    """Make a test that sampled ids have just completed one of `strings`.

    Text is decoded only after a token that holds the last character of one of them.
    """
    ends = {s[-1] for s in strings}
    longest = max(map(len, strings))
    closers = {i for i in range(len(tokenizer)) if not ends.isdisjoint(tokenizer.decode([i]))}

    def stopped(ids: list[int]) -> bool:
        if ids[-1] not in closers:
            return False
        tail = tokenizer.decode(ids[-longest:])  # a token holds at least one byte
        return any(s in tail for s in strings)

    return stopped
