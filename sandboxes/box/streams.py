"""A program's standard streams, as an interpreter makes them at its start, made before a fork."""

from __future__ import annotations

import os
import sys
from typing import TextIO

_MADE: list[TextIO] = []


def make_streams() -> None:
    """Make them once, for every program that is forked from here: each has its own copy of them.

    They are made over pipes, which most programs have: what a stream is made over it remembers.
    """
    if _MADE:
        return
    standard = range(3)
    saved = [os.dup(number) for number in standard]
    inside, outside = os.pipe()
    try:
        for number, file in zip(standard, (inside, outside, outside)):
            os.dup2(file, number)
        _MADE[:] = _open()
        for number, file in zip(standard, saved):
            os.dup2(file, number, inheritable=True)
    finally:
        for file in (*saved, inside, outside):
            os.close(file)


def take_streams() -> None:
    """Have standard streams over descriptors 0 to 2; in the program's own process."""
    streams = _MADE or _open()
    sys.stdin, sys.stdout, sys.stderr = streams
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = streams  # type: ignore[misc, assignment]


def _open() -> list[TextIO]:
    return [
        open(0, encoding="utf-8", errors="surrogateescape", closefd=False),
        open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False),
        open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False),
    ]
