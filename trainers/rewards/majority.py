"""Majority vote over the answers of a group, for rewards without labels."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable

from envgym.stop_reason import StopReason
from envgym.trainers.collection.samples import Sample

Answer = Callable[[Sample], str | None]
"""Reads a sample's answer; None where it gave none."""


def final_answer(sample: Sample) -> str | None:
    """Last action of an episode that ended by an answer, without case and spacing; else None."""
    action = sample.trajectory.turns[-1].taken
    if action is None or sample.episode.stop_reason is not StopReason.ANSWERED:
        return None
    calls = [[call.name, call.arguments] for call in action.tool_calls]
    text = json.dumps(calls, sort_keys=True) if calls else action.content
    return " ".join(text.split()).casefold()


def majority(answers: Iterable[str | None]) -> str | None:
    """The most frequent answer; None for a tie, or where there is none."""
    counts = Counter(answer for answer in answers if answer is not None).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]
