"""Entries of reasoning-gym data sets, identical in every process.

Data set, arguments and index identify an entry: the judge process rebuilds it from these, so its
metadata never has to survive JSON.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from envgym.errors import UsageError, suggest

RUNS_PROGRAMS = frozenset({"codeio"})
"""Data sets that execute generated programs in their own process."""
_EXAMPLES = ("possible_answer", "example_correct_answer", "example_answer")


@dataclass(frozen=True)
class Entries:
    """Entries of one data set with its configuration.

    Attributes:
        name: Its name in reasoning-gym.
        arguments: Arguments of its configuration, including ``seed`` and ``size``.
    """

    name: str
    arguments: Mapping[str, Any]
    dataset: Any

    @classmethod
    def open(cls, name: str, arguments: Mapping[str, Any]) -> Entries:
        """Load a data set.

        Raises:
            UsageError: Unknown data set, or invalid arguments.
        """
        from reasoning_gym.factory import DATASETS, create_dataset

        if name in RUNS_PROGRAMS:
            raise UsageError(
                f"{name} runs programs of its own where it is loaded: choose another dataset"
            )
        if name not in DATASETS:
            raise UsageError(f"reasoning-gym has no dataset {name!r}.{suggest(name, DATASETS)}")
        try:
            with _own_random(name):
                return cls(name, arguments, create_dataset(name, **arguments))
        except (TypeError, ValueError, AssertionError) as error:
            raise UsageError(f"{name} does not take this config: {error}") from error

    def entry(self, index: int) -> dict[str, Any]:
        """Question, answer and metadata."""
        with _own_random(f"{self.name}:{json.dumps(self.arguments, sort_keys=True)}:{index}"):
            return self.dataset[index]


def expected(entry: Mapping[str, Any]) -> str | None:
    """Right answer of an entry; None where the data set only scores answers."""
    found = (entry["metadata"].get(key) for key in _EXAMPLES)
    answer = next((a for a in (entry["answer"], *found) if a is not None), None)
    return answer if answer is None or isinstance(answer, str) else json.dumps(answer)


@contextlib.contextmanager
def _own_random(seed: str) -> Iterator[None]:
    """Seed Python's global generator, which some data sets draw from, and restore it afterwards."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
