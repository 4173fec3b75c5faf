"""Decoding of token ids to text pieces, with the `tokenizers` library alone.

A token may hold a part of a character only; pieces are cut where characters end, so that joined
they read as the whole text does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream


class Pieces:
    """Decoder of ids by a ``tokenizer.json``."""

    def __init__(self, path: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(path))

    @classmethod
    def beside(cls, directory: Path) -> Pieces | None:
        """Find the tokenizer of the run that a folder is, or is in; None where there is none."""
        for folder in (directory, *directory.absolute().parents[:2]):
            for name in ("tokenizer", "model"):
                path = folder / name / "tokenizer.json"
                if path.exists():
                    return cls(path)
        return None

    def __call__(self, ids: Sequence[int]) -> list[str]:
        """Decode ids to one text per id; empty where the next id completes the character."""
        stream = DecodeStream(skip_special_tokens=False)
        pieces: list[str] = []
        for number in ids:
            try:
                pieces.append(stream.step(self._tokenizer, number) or "")
            except Exception:  # bytes that begin no character: the library gives up on the stream
                stream = DecodeStream(skip_special_tokens=False)
                pieces.append(self._tokenizer.decode([number], skip_special_tokens=False))
        return pieces
