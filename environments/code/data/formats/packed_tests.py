"""Packed private tests of LiveCodeBench: JSON, or JSON compressed, base64-encoded and pickled.

Unpickling executes code, so no pickle is loaded: the module reads its opcodes and rejects any
pickle that holds more than one string.
"""

from __future__ import annotations

import base64
import binascii
import pickletools
import zlib

from envgym.environments.code.data.formats.row import BadRow

MOST_BYTES = 1 << 28
"""Maximum size of a row's unpacked tests in bytes; the largest published are about 100 MiB."""
_TEXTS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE")
_AROUND = ("PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "STOP")


def unpacked(text: str) -> str:
    """JSON text of a field that is JSON or a packed text.

    Raises:
        BadRow: The field is neither JSON nor a packed text.
    """
    if text.lstrip()[:1] in ("[", "{"):
        return text
    try:
        packed = base64.b64decode("".join(text.split()), validate=True)
        opened = zlib.decompressobj()
        data = opened.decompress(packed, MOST_BYTES)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise BadRow(f"its private tests are neither JSON nor packed JSON ({error})") from None
    if not opened.eof:
        raise BadRow(f"its private tests are cut, or over {MOST_BYTES >> 20} MiB")
    if data[:1] in (b"[", b"{"):
        return data.decode("utf-8", "replace")
    return _pickled_text(data)


def _pickled_text(data: bytes) -> str:
    """Text in a pickle of one string, read without executing the pickle."""
    try:
        codes = [(code.name, argument) for code, argument, _ in pickletools.genops(data)]
    except (ValueError, UnicodeDecodeError) as error:
        raise BadRow(f"its private tests are no pickle of a text ({error})") from None
    more = {name for name, _ in codes} - {*_TEXTS, *_AROUND}
    texts = [str(argument) for name, argument in codes if name in _TEXTS]
    if more or len(texts) != 1:
        said = ", ".join(sorted(more)) or f"{len(texts)} texts"
        raise BadRow(f"its private tests are a pickle of more than one text ({said})")
    return texts[0]
