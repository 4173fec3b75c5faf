"""Text files of a source, with errors that name the file."""

from __future__ import annotations

from pathlib import Path

from envgym.environments.verilog.problem import MOST_CHARACTERS
from envgym.errors import UsageError


def read_text(path: Path) -> str:
    """Text of a file, with any line ending.

    Raises:
        UsageError: The file is unreadable, no UTF-8, or longer than a design may be.
    """
    try:
        size = path.stat().st_size
        if size > MOST_CHARACTERS:
            raise UsageError(
                f"{path}: {size} bytes are more than the {MOST_CHARACTERS} of a design"
            )
        text = path.read_bytes().decode("utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: no UTF-8 at byte {error.start}") from error
