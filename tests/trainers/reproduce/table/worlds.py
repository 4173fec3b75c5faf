"""Small worlds and configs of tables, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from envgym.trainers.reproduce.table import Machine, TableConfig

CORRIDOR: dict[str, Any] = {
    "kind": "environment",
    "env": {"id": "puzzles/key-door-v1", "levels": 1, "length": 1, "keys": 2, "max_turns": 5},
    "actions": ["take key=silver", "take key=brown", "go way=right", "go way=back", "open"],
    "chance": 0.5,
    "preferred": {
        "^A dead end": "way=back",
        "You hold nothing": "^take",
        "from the right": "right",
        "^The chest": "^open",
    },
}


def config(folder: Path, **changes: Any) -> TableConfig:
    """Four steps of two groups of four, in the corridor unless `changes` say otherwise."""
    values = {
        "name": "tiny",
        "output": str(folder),
        "world": CORRIDOR,
        "rollout": {"tasks_per_step": 2, "group_size": 4},
        "learner": {"steps": 4, "lr": 0.1, "max_idle_steps": 4},
        "evaluation": {"interval": 2},
    }
    return TableConfig.model_validate(values | changes)


def machine(horizon: int = 4) -> Machine:
    """Two states, three actions: on, back, and an end that pays in the second state."""
    score = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    return Machine(
        states=["first", "second"],
        actions=["on", "back", "end"],
        next_state=np.array([[1, 0, -1], [1, 0, -1]]),
        reward=score,
        score=score,
        horizon=horizon,
        test_score=np.stack([score, 1 - score]),
    )
