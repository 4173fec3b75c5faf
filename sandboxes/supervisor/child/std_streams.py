"""Standard streams of a program, made before the fork as an interpreter makes them at its start."""

from __future__ import annotations

import os
import sys
from typing import TextIO

_FORMER: list[TextIO] = []


def make_streams() -> None:
    """Make the streams once; every forked program has its own copy of them.

    They are made over pipes, which most programs have: what a stream is made over it remembers.
    """
    if _FORMER:
        return
    _FORMER.extend(
        (sys.stdin, sys.stdout, sys.stderr)
    )  # kept: dropping them would copy pages in each fork
    standard = range(3)
    saved = [os.dup(number) for number in standard]
    inside, outside = os.pipe()
    try:
        for number, file in zip(standard, (inside, outside, outside)):
            os.dup2(file, number)
        _open()
        for number, file in zip(standard, saved):
            os.dup2(file, number, inheritable=True)
    finally:
        for file in (*saved, inside, outside):
            os.close(file)


def take_streams() -> None:
    """Set up standard streams over descriptors 0 to 2, in the program's own process."""
    if not _FORMER:
        _open()


def _open() -> None:
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stderr = open(  # noqa: SIM115
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
