"""Knowledge points as hints (KnowRL, arXiv 2604.12627): their choice, and training with them."""

from __future__ import annotations

from envgym.trainers.guidance.knowledge.knowledge import Knowledge
from envgym.trainers.guidance.knowledge.subset_search import (
    Subset,
    SubsetSearch,
    choose_subsets,
    constrained_subset_search,
    measure_by_playing,
)

__all__ = [
    "Knowledge",
    "Subset",
    "SubsetSearch",
    "choose_subsets",
    "constrained_subset_search",
    "measure_by_playing",
]
