"""First phases of a table's claim: an earlier run, or a search for hints, per seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from envgym.trainers.reproduce import Reproduction, reproduce
from envgym.trainers.reproduce.preparation import in_folder
from envgym.trainers.samplers.success_rates import recorded_rates

WORLD = {"kind": "chain", "skills": 4, "lengths": [2], "tasks": 4, "test_tasks": 4, "chance": 0.6}
SPEC: dict[str, Any] = {
    "title": "Toy",
    "claim": "Prepared is better.",
    "source": "nobody",
    "policy": "table",
    "first_seed": 7,
    "recipe": {
        "world": WORLD,
        "rollout": {"tasks_per_step": 4, "group_size": 4},
        "learner": {"steps": 2, "lr": 0.1, "max_idle_steps": 9},
    },
    "claims": [{"metric": "score"}],
}


def written(folder: Path) -> list[int]:
    """Times at which the summaries of runs were written."""
    return [path.stat().st_mtime_ns for path in sorted(folder.rglob("summary.json"))]


async def test_an_earlier_run_of_each_seed_gives_the_curves(tmp_path: Path) -> None:
    sampler = {"name": "limr", "run": "{preparation}", "min_score": -9.0}
    spec = Reproduction.model_validate(
        SPEC
        | {
            "preparation": {"kind": "run", "settings": {"learner.steps": 3}},
            "baseline": {"label": "all"},
            "method": {"label": "chosen", "settings": {"sampler": sampler}},
        }
    )
    runs = await reproduce(spec, tmp_path, 2)
    folders = [tmp_path / "preparation" / f"seed-{seed}" for seed in (7, 8)]
    assert runs.prepared == set(folders)
    assert [list(recorded_rates(str(folder))) for folder in folders] == [[0, 1, 2]] * 2
    recorded = (tmp_path / "method" / "seed-8" / "config.yaml").read_text()
    assert f"run: {folders[1]}" in recorded
    alone = sum(summary["wall_s"] for found in runs.summaries.values() for summary in found)
    assert runs.wall_s >= alone
    before = written(tmp_path)
    await reproduce(spec, tmp_path, 2)
    assert written(tmp_path) == before  # nothing ran again


async def test_a_search_of_each_seed_chooses_the_hints(tmp_path: Path) -> None:
    guided = [{"name": "clip", "roles": ["policy", "guided"]}]
    spec = Reproduction.model_validate(
        SPEC
        | {
            "recipe": SPEC["recipe"] | {"losses": guided},
            "preparation": {"kind": "subsets", "repeats": 20},
            "baseline": {"label": "all", "settings": {"guidance": {"name": "knowledge"}}},
            "method": {
                "label": "chosen",
                "settings": {
                    "guidance": {"name": "knowledge", "file": "{preparation}/subsets.json"}
                },
            },
        }
    )
    await reproduce(spec, tmp_path, 2)
    chosen = json.loads((tmp_path / "preparation" / "seed-7" / "subsets.json").read_text())
    assert chosen
    assert all(set(subset) <= {0, 1} for subset in chosen.values())


def test_the_folder_stands_wherever_settings_name_it() -> None:
    named = {"a": ["{preparation}/x", 1], "b": {"c": "{preparation}"}, "d": None}
    found = in_folder(named, Path("runs/seed-7"))
    assert found == {"a": ["runs/seed-7/x", 1], "b": {"c": "runs/seed-7"}, "d": None}


def test_a_model_is_not_prepared() -> None:
    sides = {"baseline": {"label": "a"}, "method": {"label": "b"}}
    values = SPEC | sides | {"policy": "model", "preparation": {"kind": "run"}}
    with pytest.raises(ValidationError, match="preparation is for tables"):
        Reproduction.model_validate(values)
