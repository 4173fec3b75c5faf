r"""Extraction of code from the Markdown fences in a model's text.

Models put programs between fences whether they were asked to or not, often with prose around. One
rule for all environments, `code_of`, so that a fence means the same wherever code is handed in.
Fences are CommonMark's (section 4.5): three or more backticks or tildes, closed by as many of the
same. Beyond it, as models write them: indented to any depth (in a list), after words on their line
where they name a language (``<answer>```python``), closed with other marks behind (``` ```</answer>
```), or at the end of the last line of code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from envgym.parsing.reasoning import content

PYTHON = frozenset(["python", "python3", "py", "py3", "pycon"])
VERILOG = frozenset(["verilog", "systemverilog", "sv", "v"])

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})([^\n]*)")
_AFTER_WORDS = re.compile(r"[^`\n]+(`{3,})[ \t]*([A-Za-z][\w+#.-]*)[ \t]*$")
_CLOSES = re.compile(r"\s*(?:[^\w\s{`~].*)?$")
_DEEPER = 3
"""Columns by which a closing fence may stand further right than its opening one."""
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
    """Parse the fenced blocks of a text, in order; linear in its length.

    An unclosed block extends to the end of the text: a token limit may have cut it.
    """
    found: list[Block] = []
    opened: _Opened | None = None
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line)
        if opened is None:
            opened = _opened(line, fence)
        elif fence and opened.is_closed_by(fence):
            found.append(opened.block())
            opened = None
        else:
            opened.lines.append(line)
    if opened is not None:
        found.append(opened.block(cut=True))
    return found


@dataclass
class _Opened:
    """A block whose closing fence was not seen yet."""

    language: str
    fence: str
    indent: int = 0
    lines: list[str] = field(default_factory=list)

    def is_closed_by(self, fence: re.Match[str]) -> bool:
        near = len(fence[1].expandtabs(4)) <= self.indent + _DEEPER
        return near and fence[2].startswith(self.fence) and _CLOSES.match(fence[3]) is not None

    def block(self, cut: bool = False) -> Block:
        """The block, without its own indentation; one that is cut may end with its fence."""
        lines = self.lines
        if self.indent:
            lines = [_outdented(line, self.indent) for line in lines]
        text = "".join(lines)
        if cut and text.rstrip().endswith(self.fence):
            text = f"{text.rstrip().rstrip(self.fence[0]).rstrip()}\n"
        return Block(self.language, text)


def _opened(line: str, fence: re.Match[str] | None) -> _Opened | None:
    if fence is None:
        late = _AFTER_WORDS.match(line) if "```" in line else None
        return _Opened(late[2].lower(), late[1]) if late else None
    if fence[2][0] == "`" and "`" in fence[3]:
        return None
    return _Opened(_language(fence[3]), fence[2], len(fence[1].expandtabs(4)))


def _outdented(line: str, columns: int) -> str:
    """A line without the white space of its first columns."""
    code = line.lstrip(" \t")
    blank = line[: len(line) - len(code)].expandtabs(4)
    return f"{blank[columns:]}{code}"


def code_of(
    text: str, languages: Collection[str], valid: Callable[[str], bool] | None = None
) -> str:
    """Extract the code in a text.

    1. A text that is code as it stands (`valid` says so) is taken whole: fences may stand in its
       strings and comments.
    2. Reasoning blocks are left out.
    3. The last block under one of `languages` is taken; without one, the last block that names no
       language. Blocks of white space are none.
    4. A text without such a block is taken whole, but for the reasoning blocks.

    Args:
        text: Text of a model.
        languages: Tags of the wanted language, in lower case: `PYTHON`, `VERILOG`.
        valid: Tests that a text is code of that language; called only where marks or fences occur.
    """
    text = text.removeprefix("\ufeff")
    said = content(text)
    every = blocks(said)
    found = [block for block in every if block.text.strip()]
    if (not every and said == text) or (valid is not None and valid(text)):
        return text
    if every and not found:  # fences around nothing: a closing one that was never opened, say
        return "".join(x for x in said.splitlines(keepends=True) if not _FENCE.match(x))
    named = [block.text for block in found if block.language in languages]
    plain = [block.text for block in found if not block.language]
    return next(reversed(named or plain), said)


def is_python(text: str) -> bool:
    """Test that a text parses as Python; nothing of it runs."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _language(info: str) -> str:
    tag = _TAG.match(info.strip())
    return tag[1].lower() if tag else ""
