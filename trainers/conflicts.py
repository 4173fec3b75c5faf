"""Plug-ins and settings that exclude each other: found where a recipe is read, not hours later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.errors import UsageError

if TYPE_CHECKING:
    from envgym.trainers.config import Config


def check_conflicts(config: Config) -> None:
    """See that the plug-ins of a run go together.

    Raises:
        UsageError: One says that it does not go with another, or with a setting.
    """
    if config.rollout.dynamic_rounds > 1 and config.rollout.group_size == 1:
        raise UsageError(
            "rollout.dynamic_rounds looks for groups whose rewards differ, and groups of one have "
            "none: set rollout.group_size to 2 or more, or dynamic_rounds to 1"
        )
    chosen = [
        ("sampler", config.sampler),
        ("guidance", config.guidance),
        *((f"rewards.{i}", reward) for i, reward in enumerate(config.rewards)),
        ("advantage", config.advantage),
        *((f"losses.{i}", loss) for i, loss in enumerate(config.losses)),
        ("composer", config.composer),
        *((f"hooks.{i}", hook) for i, hook in enumerate(config.hooks)),
    ]
    for place, plugin in chosen:
        if conflict := plugin.conflict(config):
            raise UsageError(f"{place} {plugin.name!r}: {conflict}")
