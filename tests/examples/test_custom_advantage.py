from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import yaml

from envgym.trainers.collection.samples import Sample
from tests.examples.conftest import EXAMPLES, Run
from tests.trainers.helpers import episode

SHORT = (
    "learner.steps=2",
    "learner.idle_steps=9",
    "warm_start.steps=4",
    "warm_start.episodes=20",
    "rollout.groups=2",
)


def test_ranks_by_hand() -> None:
    spec = importlib.util.spec_from_file_location(
        "custom_advantage", EXAMPLES / "custom_advantage.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    group = []
    for reward in (0.0, 5.0, 5.0, 100.0):
        played = episode([([1], [2, 3])], reward=reward)
        group.append(Sample(played, played.trajectory, reward=reward))
    module.Ranked(scale=2.0)([group])
    # shares of four: none worse and three better; one worse, one better; three worse
    assert [float(s.advantages[0][0]) for s in group] == [-1.5, 0.0, 0.0, 1.5]


def test_its_recipe_trains_and_goes_on(run: Run, tmp_path: Path) -> None:
    command = ("envgym", "train", "custom_advantage.yaml", f"output={tmp_path / 'run'}")
    settings = (*SHORT, "evaluation.tasks=8")
    run(*command, *settings)
    recorded = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert recorded["advantage"] == {"name": "custom_advantage:Ranked", "scale": 2.0}
    run(*command, *settings, "learner.steps=3", "--resume")
    assert json.loads((tmp_path / "run/summary.json").read_text())["steps"] == 3
