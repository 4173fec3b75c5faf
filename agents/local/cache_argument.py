"""Name of the cache argument in a model's forward."""

from __future__ import annotations

import inspect
from typing import Any

NAMES = ("cache", "past_key_values")  # transformers from 5.24 on, and before


def cache_argument(model: Any) -> str | None:
    """Find the forward's argument for keys and values; None where it has none."""
    accepted = inspect.signature(model.forward).parameters
    return next((name for name in NAMES if name in accepted), None)
