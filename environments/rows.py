"""Row-wise reading of JSON, JSONL and gzipped files, with errors that name the line.

A corpus of millions of lines usually has a bad one; errors name the line and the fix.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

MOST_DIGITS = 100_000
_QUICK_DIGITS = 4000  # below the lowest value that Python's own limit can be set to


class RowError(ValueError):
    """Malformed file of rows; the message has the line, the problem and the fix."""

    def __init__(self, where: str, problem: str, fix: str) -> None:
        super().__init__(f"{where}: {problem}; {fix}")


def read_rows(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (position, row) of a file that is one JSON list of objects or one object per line.

    `where` is "FILE line N" (1-based) for lines and "FILE row N" (0-based index) for a list.
    The shape is read off the first character, not off the suffix; `.gz` is unpacked on the fly.
    Raises RowError for anything malformed and FileNotFoundError for a missing file.
    """
    path = Path(path)
    try:
        with _open(path) as stream:
            if _first_character(stream) == "[":
                yield from _list_rows(path, stream)
            else:
                yield from _line_rows(path, stream)
    except UnicodeDecodeError as error:
        raise RowError(path.name, f"not UTF-8 ({error.reason})", "save it as UTF-8") from None
    except (gzip.BadGzipFile, EOFError) as error:
        fix = "compress it again, or drop the .gz suffix when it is plain text"
        raise RowError(path.name, f"not a whole gzip file ({error})", fix) from None


def read_json(text: str) -> Any:
    """Value of a JSON text, with integers of up to `MOST_DIGITS` digits.

    Python's bound on the digits of a number, 4,300, guards those who read strangers' texts; data
    sets of programs hold longer ones, as outputs of theirs.

    Raises:
        ValueError: The text is no JSON, or holds a longer number.
        RecursionError: The value is nested too deeply.
    """
    return json.loads(text, parse_int=_whole)


def _whole(digits: str) -> int:
    if len(digits) <= _QUICK_DIGITS:
        return int(digits)
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of over {MOST_DIGITS} digits")
    return int(Decimal(digits))


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def _first_character(stream: IO[str]) -> str:
    character = stream.read(1)
    while character and character.isspace():
        character = stream.read(1)
    stream.seek(0)
    return character


def _list_rows(path: Path, stream: IO[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    text = stream.read()
    try:
        rows = read_json(text)
    except json.JSONDecodeError as error:
        where = f"{path.name} line {error.lineno}"
        fix = "fix the JSON there (a missing comma, quote or closing bracket)"
        raise RowError(where, f"not valid JSON ({error.msg})", fix) from None
    except (ValueError, RecursionError) as error:  # a number too long, or nested too deep
        fix = "write one JSON object on each line instead: the error then names the line"
        raise RowError(path.name, f"not readable JSON ({error})", fix) from None
    for index, row in enumerate(rows):
        where = f"{path.name} row {index}"
        yield where, _object(where, row)


def _line_rows(path: Path, stream: IO[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        where = f"{path.name} line {number}"
        try:
            row = read_json(line)
        except json.JSONDecodeError as error:
            fix = "write one whole JSON object on each line, or one JSON list in the file"
            raise RowError(where, f"not valid JSON ({error.msg})", fix) from None
        except (ValueError, RecursionError) as error:
            fix = "leave the row out, or its longest number or deepest part"
            raise RowError(where, f"not readable JSON ({error})", fix) from None
        yield where, _object(where, row)


def _object(where: str, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        problem = f"a {type(row).__name__} where an object is due"
        raise RowError(where, problem, 'write each row as {"key": value, …}')
    return row
