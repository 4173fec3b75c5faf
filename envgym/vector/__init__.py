"""Vector environments: step many instances of an environment together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from envgym.vector.vector_env import Flags, VectorEnv, VectorStep, make_vec

__all__ = ["Flags", "VectorEnv", "VectorStep", "make_vec"]

__getattr__ = lazy_exports(
    __name__,
    {
        "vector_env": (
            "Flags",
            "VectorEnv",
            "VectorStep",
            "make_vec",
        ),
    },
)
