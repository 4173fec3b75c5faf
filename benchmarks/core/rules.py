"""The game of `bench core`, with no library in it: guess a number between 1 and 100.

A guess is a message, ``\\boxed{7}``, and so is the answer. Episodes that are not won end after ten
turns. Guesses are made before the clock starts: a round of binary search, again and again.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

TOP = 100
MAX_TURNS = 10
PROMPT = "Guess the number between 1 and 100. Write your guess in \\boxed{}."
GUESSES = tuple(f"I think it is \\boxed{{{n}}}." for n in (50, 75, 62, 68, 65, 66, 67))
_GUESS = re.compile(r"\\boxed\{(\d+)\}")


class Game:
    """One game."""

    __slots__ = ("number", "turn")

    def __init__(self, rng: random.Random) -> None:
        self.number = rng.randint(1, TOP)
        self.turn = 0

    def guess(self, text: str) -> tuple[str, bool]:
        """The answer to a message, and whether the number was found."""
        self.turn += 1
        found = _GUESS.search(text)
        if found is None:
            return "Write your guess in \\boxed{}.", False
        number = int(found[1])
        if number == self.number:
            return f"{number} is right.", True
        way = "lower" if number > self.number else "higher"
        return f"The number is {way} than {number}.", False


def steps_per_s(steps: Callable[[], int], seconds: float = 1.0) -> float:
    """Call `steps`, which says how many it took, over and over for about `seconds`."""
    steps()  # warm: caches, first resets
    count, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        count += steps()
    return count / spent
