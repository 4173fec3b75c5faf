"""The path for every other architecture: the model's own forward and its own cache, one a session.

Right for anything that follows the Hugging Face cache protocol; rows do not share a forward, so it
is slower than the lean path.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.agents.local.cache import Session


class GenericRunner:
    """Runs sessions one by one through ``model(...)``."""

    name = "generic"

    def __init__(self, model: PreTrainedModel, max_rows: int, max_context: int) -> None:
        self.model = model
        self.max_rows = max_rows
        self.caches: dict[int, Any] = {}
        self._next = 0

    def open(self, session: Session) -> bool:
        """Give a session a place; False when none is free."""
        if len(self.caches) >= self.max_rows:
            return False
        session.slot, self._next = self._next, self._next + 1
        self.caches[session.slot] = None
        return True

    def close(self, session: Session) -> None:
        """Drop a session's cache."""
        if session.slot is not None:
            del self.caches[session.slot]
            session.slot, session.ids = None, []

    def truncate(self, session: Session, length: int) -> None:
        """Forget a session's tokens from `length` on; all of them where the cache cannot crop."""
        if length == len(session.ids):
            return
        assert session.slot is not None
        cache = self.caches[session.slot]
        try:
            cache.crop(length)
        except (AttributeError, NotImplementedError, ValueError):
            self.caches[session.slot] = None
            length = 0
        del session.ids[length:]

    def share(self, source: Session, target: Session, length: int) -> bool:
        """Not here: caches differ too much between architectures to copy a part of one."""
        return False

    def run(self, sessions: list[Session], new: list[list[int]]) -> Tensor:
        """Append `new[i]` to `sessions[i]`; returns the next logits [B, V]."""
        rows = []
        for session, ids in zip(sessions, new, strict=True):
            assert session.slot is not None
            batch = torch.tensor([ids], device=self.model.device)
            output = self.model(
                input_ids=batch, past_key_values=self.caches[session.slot], use_cache=True
            )
            self.caches[session.slot] = output.past_key_values
            session.ids.extend(ids)
            rows.append(output.logits[0, -1])
        return torch.stack(rows)
