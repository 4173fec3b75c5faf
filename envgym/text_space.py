"""A Gymnasium space of all strings: what agents write and environments answer.

`gymnasium.spaces.Text` wants an alphabet; a language model's has every character there is.
"""

from __future__ import annotations

import string
from typing import Any

from gymnasium.spaces import Text

SAMPLE_CHARS = 64
"""Longest string that `sample` gives, unless a mask says otherwise."""


class AnyText(Text):
    """Every str, the empty one included; samples are short and printable."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(SAMPLE_CHARS, min_length=0, charset=string.printable, seed=seed)

    def contains(self, x: Any) -> bool:
        """Whether it is a str."""
        return isinstance(x, str)

    @property
    def is_np_flattenable(self) -> bool:
        """No: there is no array that holds any text."""
        return False

    def __repr__(self) -> str:
        return "AnyText()"

    def __eq__(self, other: object, /) -> bool:
        return isinstance(other, AnyText)

    __hash__ = None  # type: ignore[assignment]
