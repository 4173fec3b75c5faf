"""Search of text for a task's hidden part: answers that a hint or an observation must not show."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from envgym.task import Task

GOLD_KEYS = {"gold", "golds", "answer", "answers", "solution"}
MIN_CHARS = 4
"""Shorter strings turn up by chance."""
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?!\w|\.\d)")
MIN_RUN = 8
"""Least length of a part of a gold answer that counts as copied, in characters."""


def leaves(value: Any, keys: frozenset[str] = frozenset()) -> Iterator[tuple[frozenset[str], Any]]:
    """Iterate over the leaves of a JSON value, each with the keys on the path to it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, keys | {str(key).lower()})
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from leaves(inner, keys)
    else:
        yield keys, value


def secrets(task: Task) -> set[str]:
    """Hidden strings that the visible part does not hold as well (the options of a choice).

    The whole hidden part as Python prints it is one of them: what a forgotten debugging aid shows.
    """
    hidden = {v for _, v in leaves(task.hidden) if isinstance(v, str) and len(v) >= MIN_CHARS}
    hidden |= {str(dict(task.hidden))} if task.hidden else set()
    shown = [v for _, v in leaves(task.data) if isinstance(v, str)]
    return hidden - set(find_whole(hidden, shown))


def golds(task: Task) -> set[str]:
    """The leaves under the keys that usually hold the answer, or else every secret."""
    under = [v for keys, v in leaves(task.hidden) if keys & GOLD_KEYS]
    told = [v for v in under if isinstance(v, str | int | float) and not isinstance(v, bool)]
    found = {str(v) for v in told if len(str(v)) >= MIN_CHARS}  # true or false says little
    return found if under else secrets(task)


def find_whole(needles: Iterable[str], texts: Iterable[str]) -> Iterator[str]:
    """The needles that stand in a text as whole words, whatever the case and spacing.

    Numbers are found with commas between their thousands, and with more or fewer zeros at the end
    of their decimals, too: 3.5 is 3.50.
    """
    haystack = "\n".join(map(_folded, texts))
    if (plain := _DECIMAL.sub(_without_zeros, _THOUSANDS.sub("", haystack))) != haystack:
        haystack = f"{haystack}\n{plain}"
    for needle in sorted(needles):
        folded = _folded(needle)
        forms = {re.escape(folded), re.escape(_DECIMAL.sub(_without_zeros, folded))}
        if folded and any(re.search(rf"(?<!\w){words}(?!\w)", haystack) for words in forms):
            yield needle


def find_copied(task: Task, text: str, share: float, chars: int) -> Iterator[str]:
    """The gold answers of a task that a text holds whole, or whose longest common run is too long.

    A run is too long from `share` of the gold on, at most `chars` and at least 8 characters. Runs
    that the visible task holds too do not count. Linear in the lengths of the texts.
    """
    answers, said = golds(task), _folded(text)
    whole = set(find_whole(answers, [text]))
    shown = _folded("\n".join(v for _, v in leaves(task.data) if isinstance(v, str)))
    for gold in sorted(answers):
        answer = _folded(gold)
        run = max(MIN_RUN, min(chars, math.ceil(share * len(answer))))
        if gold in whole or _runs(said, run) & _runs(answer, run) - _runs(shown, run):
            yield gold


def _without_zeros(number: re.Match[str]) -> str:
    """A decimal number without further zeros at its end: 3.50 is 3.5, and 3.00 is 3.0."""
    short = number[0].rstrip("0")
    return f"{short}0" if short.endswith(".") else short


def _folded(text: str) -> str:
    """A text without case, and with single spaces."""
    return " ".join(text.casefold().split())


def _runs(text: str, length: int) -> set[str]:
    """All substrings of a length."""
    return {text[i : i + length] for i in range(len(text) - length + 1)}
