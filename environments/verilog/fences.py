"""Markdown fences around a source: models often write them, and no language has them.

One fenced block is the source, whatever prose stands around it. Of several it is not known which is
meant.
"""

from __future__ import annotations

_FENCE = "```"


def unfenced(text: str) -> str:
    """The body of the only fenced block of a text; a text without a fence as it is.

    A block that is never closed ends with the text.

    Raises:
        ValueError: There are several blocks.
    """
    if _FENCE not in text:
        return text
    blocks: list[list[str]] = []
    inside = False
    for line in text.split("\n"):
        if line.lstrip().startswith(_FENCE):
            inside = not inside
            if inside:
                blocks.append([])
        elif inside:
            blocks[-1].append(line)
    if len(blocks) > 1:
        raise ValueError(f"{len(blocks)} fenced blocks: give one source, without Markdown")
    return "".join(f"{line}\n" for line in blocks[0]) if blocks else text
