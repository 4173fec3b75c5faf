"""Unicode normalisation shared by grading, titles and retrieval.

`folded` is compatibility composition (NFKC: full-width digits, ligatures, decomposed letters) with
case folding ("ß" is "ss", "İ" is "i"), without what is not seen (soft hyphens, zero-width and other
format characters, variation selectors), with ASCII digits and apostrophes, and without the optional
vowel points of Arabic and Hebrew. All other diacritics stay: "café" is not
"cafe". ASCII text is only lower-cased.

`words` splits by `\\w`, keeps combining marks (vowel signs of Hindi or Tamil) in their word, and
splits what is written without spaces (Chinese, Japanese, Thai, Lao, Burmese, Khmer) into pairs of
neighbouring characters, Chinese ones alone too.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Literal

_WORD = re.compile(r"\w+")
_POINTS = (
    *((0x0591, 0x05BD), (0x05BF, 0x05BF), (0x05C1, 0x05C2), (0x05C4, 0x05C5), (0x05C7, 0x05C7)),
    *((0x0610, 0x061A), (0x0640, 0x0640), (0x064B, 0x0652), (0x0656, 0x065F), (0x0670, 0x0670)),
    *((0x06D6, 0x06DC), (0x06DF, 0x06E4), (0x06E7, 0x06E8), (0x06EA, 0x06ED)),
)
"""Hebrew points and cantillation; Arabic tatweel, short vowels and Koranic marks."""
_SELECTORS = ((0x034F, 0x034F), (0x115F, 0x1160), (0x180B, 0x180D), (0xFE00, 0xFE0F))
_HAN = ((0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
_UNSPACED = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3041, 0x30FF)),
    *((0x31F0, 0x31FF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)),
)
"""Thai and Lao, Burmese, Khmer, kana, and extensions of the last and of Burmese."""

_SIGNS = dict.fromkeys((0x00B4, 0x02B9, 0x02BB, 0x02BC, 0x2032), "'") | {0x2212: "-", 0x2044: "/"}
"""Letters and accents used as an apostrophe: Hawaiʻi, O´Brien; the minus sign and the
stroke of a fraction."""
_FRACTIONS = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
"""Between a whole number and its fraction: 8½ is 8 1/2."""

_Kind = Literal["word", "mark", "han", "unspaced", ""]


def folded(text: str) -> str:
    """Normal form of a text; equal for different encodings of the same writing."""
    if text.isascii():
        return text.lower()
    plain = _FRACTIONS.sub(" ", _seen(text)).translate(_SIGNS)
    cased = unicodedata.normalize("NFKC", plain).casefold().replace("i\u0307", "i")
    form = unicodedata.normalize("NFKC", _seen(cased))
    digits = {ord(c): str(unicodedata.decimal(c)) for c in set(form) if c.isdecimal()}
    return form.translate({**digits, **_SIGNS})


def words(text: str) -> list[str]:
    """Folded words of a text; pairs of characters in scripts without spaces."""
    form = folded(text)
    if form.isascii() or all(_kind(char) in ("word", "") for char in set(form)):
        return _WORD.findall(form)
    out: list[str] = []
    for unspaced, run in groupby(_characters(form), key=lambda char: char[1]):
        if unspaced is None:
            continue
        parts = [part for part, _ in run]
        if not unspaced:
            out.append("".join(parts))
            continue
        pairs = ["".join(pair) for pair in pairwise(parts)]
        out.extend(pairs or parts)
        if pairs:
            out.extend(part for part in parts if _kind(part[0]) == "han")
    return out


def _seen(text: str) -> str:
    unseen = {char for char in set(text) if not char.isascii() and _is_unseen(char)}
    return "".join(char for char in text if char not in unseen) if unseen else text


def _characters(text: str) -> list[tuple[str, bool | None]]:
    """Each character with its marks, and whether its script has no spaces; None for a separator."""
    out: list[tuple[str, bool | None]] = []
    for char in text:
        kind = _kind(char)
        if kind == "mark" and out and out[-1][1] is not None:
            out[-1] = (out[-1][0] + char, out[-1][1])
        else:
            parts = kind in ("mark", "")  # a mark on nothing too
            out.append((char, None if parts else kind in ("han", "unspaced")))
    return out


@lru_cache(maxsize=1 << 16)
def _kind(char: str) -> _Kind:
    if unicodedata.category(char).startswith("M"):
        return "mark"
    if not (char.isalnum() or char == "_"):
        return ""
    code = ord(char)
    return "han" if _within(code, _HAN) else "unspaced" if _within(code, _UNSPACED) else "word"


@lru_cache(maxsize=1 << 16)
def _is_unseen(char: str) -> bool:
    code = ord(char)
    return unicodedata.category(char) == "Cf" or _within(code, _POINTS) or _within(code, _SELECTORS)


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)
