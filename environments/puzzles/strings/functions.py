"""The 25 string functions of f(g(x)) puzzles.

Names and order are those of RL-Compositionality (PRIME-RL), where agents see them as ``func_0`` to
``func_24``; 12 are held out. A definition shown to the agent is the source that runs.
"""

from __future__ import annotations

import inspect
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["none", "number", "letters", "separator", "text"]
"""Kind of the argument beside the string; ``text`` is a second string to transform."""

MAX_LETTERS = 10
"""Maximum letters of a prefix or suffix in a tried call; puzzles use 2 to 4."""
HELD_OUT = frozenset({0, 2, 6, 7, 8, 10, 12, 14, 16, 18, 21, 24})


@dataclass(frozen=True)
class StringFunction:
    """One string function with its wording.

    Attributes:
        index: Number in the agent's name of it, ``func_<index>``.
        says: Description of its effect.
        kind: Kind of its second argument.
        low: Minimum of a number, or of a count of letters.
        high: Maximum of the same.
    """

    index: int
    call: Callable[..., str]
    says: str
    kind: Kind
    low: int
    high: int

    @property
    def name(self) -> str:
        """Name shown to the agent."""
        return f"func_{self.index}"

    @cached_property
    def source(self) -> str:
        """Definition under the name shown to the agent."""
        body = re.sub(r"^.*?(?=^def )", "", inspect.getsource(self.call), flags=re.S | re.M)
        return re.sub(rf"\b{self.call.__name__}\b", self.name, body.strip())

    def draw(self, rng: random.Random) -> list[str | int]:
        """Draw the arguments beside the string; the composer draws those of kind ``text``."""
        if self.kind == "number":
            return [rng.randint(self.low, self.high)]
        if self.kind == "letters":
            return [letters(rng, self.low, self.high)]
        return [rng.choice("-_|")] if self.kind == "separator" else []

    def accepts(self, extra: list[object]) -> bool:
        """Return whether these are valid arguments beside the string."""
        if self.kind == "none" or len(extra) != 1:
            return self.kind == "none" and not extra
        [value] = extra
        if self.kind == "number":
            return type(value) is int and self.low <= value <= self.high
        longest = {"letters": MAX_LETTERS, "separator": 1}.get(self.kind)
        return isinstance(value, str) and (longest is None or len(value) <= longest)


FUNCTIONS: list[StringFunction] = []


def letters(rng: random.Random, low: int, high: int) -> str:
    """Random lower-case letters, `low` to `high` of them."""
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(low, high)))


def _function(
    says: str, kind: Kind = "none", low: int = 0, high: int = 0
) -> Callable[[Callable[..., str]], Callable[..., str]]:
    def note(call: Callable[..., str]) -> Callable[..., str]:
        FUNCTIONS.append(StringFunction(len(FUNCTIONS), call, says, kind, low, high))
        return call

    return note


@_function("puts the characters in another order, taking every k-th of them round and round")
def _deterministic_shuffle(s: str) -> str:
    k = 3
    while s and math.gcd(k, len(s)) != 1:
        k += 2
    return "".join(s[i * k % len(s)] for i in range(len(s)))


@_function("repeats the string", "number", 2, 4)
def _repeat_str(s: str, n: int) -> str:
    return s * n


@_function("drops the vowels")
def _remove_vowels(s: str) -> str:
    return "".join(c for c in s if c not in "aeiouAEIOU")


@_function("sorts the characters")
def _sort_chars(s: str) -> str:
    return "".join(sorted(s))


@_function("puts the words, which hyphens separate, in the opposite order")
def _reverse_words(s: str) -> str:
    return "-".join(reversed(s.split("-")))


@_function("puts letters before the string", "letters", 2, 4)
def _add_prefix(s: str, before: str) -> str:
    return before + s


@_function("puts letters behind the string", "letters", 2, 4)
def _add_suffix(s: str, behind: str) -> str:
    return s + behind


@_function("takes a character of each string in turn, and then the rest of the longer", "text")
def _interlace_str(s: str, t: str) -> str:
    n = min(len(s), len(t))
    return "".join(s[i] + t[i] for i in range(n)) + s[n:] + t[n:]


@_function("moves characters from the front to the end", "number", 1, 3)
def _rotate_str(s: str, n: int) -> str:
    return s[n % len(s) :] + s[: n % len(s)] if s else s


@_function("puts the string reversed behind itself")
def _mirror_str(s: str) -> str:
    return s + s[::-1]


@_function("makes characters upper and lower case in turn")
def _alternate_case(s: str) -> str:
    return "".join(c.upper() if i % 2 == 0 else c.lower() for i, c in enumerate(s))


@_function("moves each letter on in the alphabet", "number", 1, 5)
def _shift_chars(s: str, n: int) -> str:
    lower, upper = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    moved = lower[n:] + lower[:n] + upper[n:] + upper[:n]
    return s.translate(str.maketrans(lower + upper, moved))


@_function("writes a number for each vowel")
def _vowel_to_number(s: str) -> str:
    return s.translate(str.maketrans("aeiouAEIOU", "1234512345"))


@_function("puts a separator between the characters", "separator")
def _insert_separator(s: str, between: str) -> str:
    return between.join(s)


@_function("writes each character twice")
def _duplicate_every_char(s: str) -> str:
    return "".join(c * 2 for c in s)


@_function("puts brackets around each character")
def _fancy_brackets(s: str) -> str:
    return "".join("«" + c + "»" for c in s)


@_function("drops a character that equals the one before it")
def _compress_repeats(s: str) -> str:
    return "".join(c for i, c in enumerate(s) if i == 0 or c != s[i - 1])


@_function("reverses the string")
def _recursive_reverse(s: str) -> str:
    return s if len(s) < 2 else _recursive_reverse(s[1:]) + s[0]


@_function("writes the string several times over", "number", 2, 4)
def _loop_concat(s: str, n: int) -> str:
    out = ""
    for _ in range(n):
        out += s
    return out


@_function("moves the first character to the end, several times", "number", 1, 3)
def _while_rotate(s: str, n: int) -> str:
    while n > 0:
        s, n = s[1:] + s[:1], n - 1
    return s


@_function("takes a character of each string in turn", "text")
def _recursive_interlace(s: str, t: str) -> str:
    if not s or not t:
        return s + t
    return s[0] + t[0] + _recursive_interlace(s[1:], t[1:])


@_function("drops what is no letter")
def _loop_filter_nonalpha(s: str) -> str:
    out = ""
    for c in s:
        if c.isalpha():
            out += c
    return out


@_function("drops the last character of an odd number of them")
def _verify_even_length(s: str) -> str:
    return s if len(s) % 2 == 0 else s[:-1]


@_function("puts a digit behind a string without one", "number", 1, 3)
def _backchain_add_digit(s: str, depth: int) -> str:
    if depth == 0 or any(c.isdigit() for c in s):
        return s
    return _backchain_add_digit(s + str(len(s) % 10), depth - 1)


@_function(
    "puts the string reversed behind itself unless it reads the same both ways", "number", 1, 3
)
def _backchain_palindrome(s: str, depth: int) -> str:
    if depth == 0 or s == s[::-1]:
        return s
    return _backchain_palindrome(s + s[::-1], depth - 1)
