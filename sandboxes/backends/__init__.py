"""Sandbox backends by name, one folder or module each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from envgym.sandboxes.backends.registry import BACKENDS, open_backend

__all__ = ["BACKENDS", "open_backend"]

__getattr__ = lazy_exports(
    __name__,
    {
        "registry": (
            "BACKENDS",
            "open_backend",
        )
    },
)
