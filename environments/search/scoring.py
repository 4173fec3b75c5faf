"""Grading of short free-text answers: exact match and F1.

Normalisation and measures are those of SQuAD (Rajpurkar et al. 2016, section 6.1 and its official
script), the standard of open-domain question answering.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable

from envgym.environments.search.text_folding import folded

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def normalize_answer(text: str) -> str:
    """Normalise as SQuAD does: `folded`, no punctuation, no articles, single spaces; any script.

    Punctuation is the ASCII set of the SQuAD script and, beyond it, whatever Unicode calls
    punctuation, so that a typographic apostrophe counts as a plain one. Where nothing would be
    left (the band "The The", the grade "A") the last step that leaves something stands.
    """
    form = folded(text)
    bare = "".join(char for char in form if not _is_punctuation(char))
    for candidate in (_ARTICLES.sub(" ", bare), bare, form):
        if collapsed := " ".join(candidate.split()):
            return collapsed
    return ""


def exact_match(prediction: str | None, golds: str | Iterable[str]) -> float:
    """1.0 when the normalised prediction equals one of the normalised golds, else 0.0.

    A prediction that is None or empty scores 0.0. Raises ValueError without any gold.
    """
    accepted = [normalize_answer(gold) for gold in _as_golds(golds)]
    predicted = normalize_answer(prediction or "")
    return float(bool(predicted) and predicted in accepted)


def f1(prediction: str | None, golds: str | Iterable[str]) -> float:
    """Harmonic mean of token precision and recall (tokens as a multiset), best over the golds.

    In [0, 1]. A prediction that is None or empty scores 0.0. Raises ValueError without any gold.
    """
    accepted = _as_golds(golds)
    predicted = normalize_answer(prediction or "").split()
    return max(_token_f1(predicted, normalize_answer(gold).split()) for gold in accepted)


def _token_f1(predicted: list[str], gold: list[str]) -> float:
    overlap = sum((Counter(predicted) & Counter(gold)).values())
    return 2 * overlap / (len(predicted) + len(gold)) if overlap else 0.0


def _as_golds(golds: str | Iterable[str]) -> list[str]:
    accepted = [golds] if isinstance(golds, str) else list(golds)
    if not accepted:
        raise ValueError("no gold answer to grade against: give the question at least one")
    return accepted


def _is_punctuation(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")
