"""Gymnasium space of all strings, for actions and observations.

`gymnasium.spaces.Text` wants an alphabet; a language model's has every character there is.
"""

from __future__ import annotations

import string
import sys
from typing import Any, NoReturn

from gymnasium.error import CustomSpaceError
from gymnasium.spaces import Text
from gymnasium.vector.utils import create_shared_memory

SAMPLE_CHARS = 64
"""Longest string that `sample` gives, unless a mask says otherwise."""


class AnyText(Text):
    """Space of every str, the empty one included; `max_length` is the longest that Python has.

    Samples are short and printable.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(sys.maxsize, min_length=0, charset=string.printable, seed=seed)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Sample a string of the mask's length, else of 0 to `SAMPLE_CHARS` characters.

        Args:
            mask: Length (or None) and which characters may be drawn, as `Text.sample` has it.
            probability: Length (or None) and the probability of each character, likewise.
        """
        length = int(self.np_random.integers(SAMPLE_CHARS + 1))
        if probability is not None:
            return super().sample(None, (_or(probability[0], length), probability[1]))
        given, characters = mask or (None, None)
        return super().sample((_or(given, length), characters))

    def contains(self, x: Any) -> bool:
        """Test that `x` is a str."""
        return isinstance(x, str)

    @property
    def is_np_flattenable(self) -> bool:
        """False: no array of fixed size holds every text."""
        return False

    def __repr__(self) -> str:
        return "AnyText()"

    def __eq__(self, other: object, /) -> bool:
        return isinstance(other, AnyText)

    __hash__ = None  # type: ignore[assignment]


def _or(given: int | None, drawn: int) -> int:
    return drawn if given is None else given


@create_shared_memory.register(AnyText)
def _no_shared_memory(space: AnyText, n: int = 1, ctx: Any = None) -> NoReturn:
    """A buffer of fixed size would cut texts short: `AsyncVectorEnv` is to send them."""
    raise CustomSpaceError("a text has no longest length: pass shared_memory=False")
