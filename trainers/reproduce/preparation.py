"""Preparation of a table's runs: an earlier run or a search whose result their settings name.

Curricula that choose tasks by an earlier run, and guidance that shows chosen hints, need a first
phase. It runs once per seed, with that seed, and counts in no claim.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field

from envgym.trainers.collection.player import Player
from envgym.trainers.config_sections import Section
from envgym.trainers.guidance.knowledge import choose_subsets
from envgym.trainers.reproduce.table import TableConfig, finished_table, train_table
from envgym.trainers.reproduce.table.config import ChainWorld
from envgym.trainers.reproduce.table.play import ActionSampler, MachinePlayer
from envgym.trainers.reproduce.table.policy import TablePolicy
from envgym.trainers.reproduce.table.world import build_world
from envgym.utils.atomic_write import write_atomically

FOLDER = "{preparation}"
"""Text in the settings of a side that stands for the folder of the seed's preparation."""
SUBSETS = "subsets.json"
"""Name of the file with chosen subsets in that folder."""


class EarlierRun(Section):
    """A run of the recipe with changes, whose episodes are recorded."""

    kind: Literal["run"]
    settings: dict[str, Any] = Field(
        default_factory=dict, description="Changes of the run to the recipe, by dotted path."
    )


class ChosenHints(Section):
    """A subset of each task's hints, searched with the starting policy: ``subsets.json``."""

    kind: Literal["subsets"]
    repeats: int = Field(ge=1, description="Number of episodes per measured subset.")
    delta: float = Field(0.0, ge=0, description="Tolerance for noise in the mean scores.")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="Changes to the recipe, by dotted path."
    )


Preparation = Annotated[EarlierRun | ChosenHints, Field(discriminator="kind")]


async def prepare(preparation: EarlierRun | ChosenHints, config: TableConfig) -> float:
    """Fill the folder of a seed's preparation, unless it is filled already.

    Args:
        config: Settings of the preparation; its folder is the one to fill.

    Returns:
        Wall time of the earlier run in seconds; 0 for a search.
    """
    if isinstance(preparation, EarlierRun):
        config = config.model_copy(update={"episodes_every": 1})
        done = finished_table(config)
        summary = await train_table(config) if done is None else done
        return float(summary["wall_s"])
    file = config.directory / SUBSETS
    if not file.exists():
        config.directory.mkdir(parents=True, exist_ok=True)
        subsets = await _subsets(preparation, config)
        write_atomically(file, json.dumps(subsets, indent=2) + "\n")
    return 0.0


async def _subsets(preparation: ChosenHints, config: TableConfig) -> dict[str, list[int]]:
    world = await build_world(config.world)
    strength = config.world.hint_strength if isinstance(config.world, ChainWorld) else 0.0
    player = MachinePlayer(world, strength)
    player.sampler = ActionSampler(TablePolicy(world.logits, config.learner).log_probs(), 0)
    return await choose_subsets(
        cast(Player, player), world.tasks, preparation.repeats, preparation.delta, config.seed
    )


def in_folder(settings: Any, folder: Path) -> Any:
    """Settings in which the folder's path stands where they name it."""
    if isinstance(settings, Mapping):
        return {key: in_folder(value, folder) for key, value in settings.items()}
    if isinstance(settings, list):
        return [in_folder(value, folder) for value in settings]
    return settings.replace(FOLDER, str(folder)) if isinstance(settings, str) else settings
