"""Token arrays of a shard: all turns concatenated, with their lengths beside them.

A handful of flat arrays, whatever the number of turns: quick to write, to map and to read from any
language that knows safetensors.

| array | dtype | length |
|---|---|---|
| ``action_ids`` | int32 | sampled tokens |
| ``logprobs`` | float32 | those of turns that have them |
| ``versions`` | int32 | those of turns that have them |
| ``context_ids`` | int32 | context tokens |
| ``span_lengths``, ``span_kinds`` | int32, uint8 | context spans; a kind is an index into the
file's metadata entry ``kinds`` |
| ``advantages`` | float32 | those of turns that were trained on |
| ``target_logprobs`` | float32 | those of turns that were trained without the hints they saw |
| ``turn_lengths`` | int32 [turns, 6] | action ids, log-probs, versions, spans, advantages and
target log-probs of each turn |

Files of before target log-probs, or advantages, were kept lack these arrays and the last columns;
they are read as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from envgym.errors import UsageError
from envgym.trajectory import KINDS, Span, Turn


def pack(turns: Sequence[Turn]) -> bytes:
    """Serialize turns to the bytes of a token file."""
    spans = [span for turn in turns for span in turn.context]
    lengths = [
        (
            len(t.action),
            len(t.logprobs),
            len(t.versions),
            len(t.context),
            len(t.advantages),
            len(t.target_logprobs),
        )
        for t in turns
    ]
    arrays: dict[str, NDArray[Any]] = {
        "action_ids": np.array([i for t in turns for i in t.action], np.int32),
        "logprobs": np.array([p for t in turns for p in t.logprobs], np.float32),
        "versions": np.array([v for t in turns for v in t.versions], np.int32),
        "context_ids": np.array([i for s in spans for i in s.ids], np.int32),
        "span_lengths": np.array([len(s.ids) for s in spans], np.int32),
        "span_kinds": np.array([KINDS.index(s.kind) for s in spans], np.uint8),
        "advantages": np.array([a for t in turns for a in t.advantages], np.float32),
        "target_logprobs": np.array([p for t in turns for p in t.target_logprobs], np.float32),
        "turn_lengths": np.array(lengths, np.int32).reshape(-1, 6),
    }
    return save(arrays, metadata={"format": "envgym-tokens-1", "kinds": " ".join(KINDS)})


class TurnTokens:
    """Turns of a token file: ``tokens[i]`` gives the token fields of its i-th `Turn`."""

    def __init__(self, arrays: dict[str, NDArray[Any]], kinds: Sequence[Any]) -> None:
        self._arrays = arrays = _with_later_arrays(arrays)
        self._kinds = kinds
        self._turns = _edges(arrays["turn_lengths"])
        self._spans = _edges(arrays["span_lengths"])

    def __len__(self) -> int:
        return len(self._turns) - 1

    def __getitem__(self, number: int) -> dict[str, Any]:
        if not 0 <= number < len(self):
            raise IndexError(f"turn {number} of {len(self)}")
        begin, end = self._turns[number], self._turns[number + 1]
        return {
            "action": self._arrays["action_ids"][begin[0] : end[0]].tolist(),
            "logprobs": self._arrays["logprobs"][begin[1] : end[1]].tolist(),
            "versions": self._arrays["versions"][begin[2] : end[2]].tolist(),
            "context": [self._span(n) for n in range(begin[3], end[3])],
            "advantages": self._arrays["advantages"][begin[4] : end[4]].tolist(),
            "target_logprobs": self._arrays["target_logprobs"][begin[5] : end[5]].tolist(),
        }

    def _span(self, number: int) -> Span:
        ids = self._arrays["context_ids"][self._spans[number] : self._spans[number + 1]]
        return Span(self._kinds[self._arrays["span_kinds"][number]], ids.tolist())


def unpack(path: Path) -> TurnTokens:
    """Open a token file.

    Raises:
        UsageError: It is missing or damaged.
    """
    if not path.exists():
        raise UsageError(f"{path} is missing: copy it together with the .jsonl beside it")
    try:
        with safe_open(path, framework="np") as file:
            kinds = file.metadata()["kinds"].split()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged ({error}): restore it from a copy") from error
    return TurnTokens(arrays, kinds)


_LATER = ("advantages", "target_logprobs")
"""Arrays that the first files lack, in the order of their columns in ``turn_lengths``."""


def _with_later_arrays(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Arrays of a file of any age, with empty ones where it has none."""
    missing = [name for name in _LATER if name not in arrays]
    lengths = np.pad(arrays["turn_lengths"], ((0, 0), (0, len(missing))))
    empty = {name: np.zeros(0, np.float32) for name in missing}
    return arrays | empty | {"turn_lengths": lengths}


def _edges(lengths: NDArray[np.int32]) -> NDArray[np.int64]:
    """Start of each part, and the end of the last one."""
    first = np.zeros((1, *lengths.shape[1:]), np.int64)
    return np.concatenate([first, lengths.cumsum(0, dtype=np.int64)])
