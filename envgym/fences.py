r"""Code in a model's text: what stands inside its Markdown fence.

Models put programs between fences whether they were asked to or not, often with prose around. One
rule for all environments, `code_of`, so that a fence means the same wherever code is handed in.
Fences are CommonMark's (section 4.5): three or more backticks or tildes, closed by as many of the
same.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from envgym.reasoning import content

PYTHON = frozenset(["python", "python3", "py", "py3", "pycon"])
VERILOG = frozenset(["verilog", "systemverilog", "sv", "v"])

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^\n]*)")
_TAG = re.compile(r"[{.\s]*([\w+#-]*)")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: The first word after the opening fence, in lower case; "" where there is none.
        text: The lines between the fences.
    """

    language: str
    text: str


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a text, in order; linear in the text.

    A block that is never closed goes on to the end, as one does that was cut by a token limit.
    """
    found: list[Block] = []
    opened: tuple[str, str] | None = None
    inside: list[str] = []
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line)
        if opened is None:
            if fence and not (fence[1][0] == "`" and "`" in fence[2]):
                opened, inside = (fence[1], _language(fence[2])), []
        elif fence and fence[1].startswith(opened[0]) and not fence[2].strip():
            found.append(Block(opened[1], "".join(inside)))
            opened = None
        else:
            inside.append(line)
    if opened is not None:
        found.append(Block(opened[1], "".join(inside)))
    return found


def code_of(
    text: str, languages: Collection[str], valid: Callable[[str], bool] | None = None
) -> str:
    """The code that a text hands in.

    1. A text that is code as it stands (`valid` says so) is taken whole: fences may stand in its
       strings and comments.
    2. Reasoning blocks are left out.
    3. The last block under one of `languages` is taken; without one, the last block that names no
       language.
    4. A text without such a block is taken whole, but for the reasoning blocks.

    Args:
        text: What a model wrote.
        languages: Tags of the wanted language, in lower case: `PYTHON`, `VERILOG`.
        valid: Whether a text is code of that language; asked only where marks or fences are found.
    """
    said = content(text)
    found = blocks(said)
    if (not found and said == text) or (valid is not None and valid(text)):
        return text
    named = [block.text for block in found if block.language in languages]
    plain = [block.text for block in found if not block.language]
    return next(reversed(named or plain), said)


def is_python(text: str) -> bool:
    """Whether a text parses as Python; nothing of it runs."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _language(info: str) -> str:
    tag = _TAG.match(info.strip())
    return tag[1].lower() if tag else ""
