"""Integer literals of thousands of digits in the source of tests.

Python refuses to read or write more than 4,300 decimal digits at once. Hexadecimal digits have no
such limit, so longer literals become hexadecimal before the source is parsed.
"""

from __future__ import annotations

import io
import re
import tokenize
from decimal import Decimal
from typing import Any

_DIGITS = 4000
_LONG = re.compile(rf"\d[\d_]{{{_DIGITS},}}")


def shortened(source: str) -> str:
    """Source with each decimal literal over 4,000 digits written as ``int("0x…", 16)``."""
    if not _LONG.search(source):
        return source
    lines = source.splitlines(keepends=True)
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return source
    for token in reversed(tokens):
        if token.type == tokenize.NUMBER and _LONG.fullmatch(token.string):
            (row, start), (_, end) = token.start, token.end
            line = lines[row - 1]
            lines[row - 1] = f"{line[:start]}{written(token.string)}{line[end:]}"
    return "".join(lines)


def written(digits: str) -> str:
    """Expression for the integer with these decimal digits."""
    return f'int("{int(Decimal(digits.replace("_", ""))):#x}", 16)'


def expression(value: Any) -> str:
    """Expression for a value of plain types, with integers of any length."""
    if isinstance(value, list):
        return f"[{', '.join(map(expression, value))}]"
    if isinstance(value, tuple):
        return f"({''.join(f'{expression(one)}, ' for one in value)})"
    if isinstance(value, dict):
        pairs = (f"{expression(key)}: {expression(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, int) and value.bit_length() > _DIGITS:
        return f'int("{value:#x}", 16)'
    return repr(value)
