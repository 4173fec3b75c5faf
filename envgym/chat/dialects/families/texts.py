"""Parameters as texts between tags: the format shared by Qwen3-Coder, GLM and DeepSeek V3.2.

Nothing in such a text is escaped: a closing tag ends it only where another parameter or the end of
the call follows.
"""

from __future__ import annotations

import re
from typing import Any

from envgym.chat.dialects.calls import write_json
from envgym.chat.dialects.reading import Source


def read_parameters(
    source: Source, position: int, head: re.Pattern[str], end: re.Pattern[str]
) -> tuple[list[tuple[re.Match[str], str]], int, bool]:
    """Parse the parameters from `position` on: the match of each opening tag, and its text.

    Returns:
        The parameters, where they end, and whether the last one is closed.
    """
    found: list[tuple[re.Match[str], str]] = []
    while (opened := head.match(source.text, source.skip_space(position))) is not None:
        closed = source.search(end, opened.end())
        if closed is None:
            return found, opened.end(), False
        found.append((opened, source.text[opened.end() : closed.start()]))
        position = closed.end()
    return found, position, True


def as_text(value: Any) -> str:
    """Format a value as these templates do: text unchanged, anything else as JSON."""
    return value if isinstance(value, str) else write_json(value)
