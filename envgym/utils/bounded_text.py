"""Bounded text: long output cut to a number of characters, with a mark that says how much it was.

Models, people and the page of a run read tool output that programs may make as long as they like.
"""

from __future__ import annotations


def bounded_start(text: str, most: int) -> str:
    """Return the first `most` characters, then ``… (N characters)`` where `text` is longer."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def bounded_end(text: str, most: int) -> str:
    """Return the last `most` characters, after ``(N characters) …`` where `text` is longer.

    Error output is cut so: its last lines name the exception.
    """
    if len(text) <= most:
        return text
    return f"({len(text)} characters) …{text[len(text) - most :]}"


def bounded_middle(text: str, most: int, *, head: int = 2, tail: int = 1) -> str:
    """Return beginning and end around ``… N characters left out …``, on a line of its own.

    Args:
        most: Characters of `text` that are kept at most; a text of that length stays whole.
        head: Parts of `most` for the beginning, out of ``head + tail``.
        tail: Parts of `most` for the end.
    """
    if len(text) <= most:
        return text
    first, last = head * most // (head + tail), tail * most // (head + tail)
    left_out = len(text) - first - last
    return f"{text[:first]}\n… {left_out} characters left out …\n{text[len(text) - last :]}"
