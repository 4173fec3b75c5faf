"""Recipes, recorded configs, overrides and reproductions written before fields were renamed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from envgym.errors import UsageError
from envgym.trainers.config import Config
from envgym.trainers.former_names import former_paths, present_path
from envgym.trainers.recipe import load_config, recipes
from envgym.trainers.reproduce import load_reproduction, reproductions
from envgym.trainers.running.resume import check_same, differences

FORMER = Path(__file__).parent / "former_recipes"


def dumped(config: Config) -> dict[str, Any]:
    return config.model_dump(mode="json")


@pytest.mark.parametrize("name", ["demo", "strings", "wiki"])
def test_a_recipe_of_before_gives_the_same_config(name: str) -> None:
    assert name in recipes()
    since = ["rollout.deterministic=false"]  # a field of today that the recipe sets
    assert dumped(load_config(FORMER / f"{name}.yaml")) == dumped(load_config(name, since))


def of_the_recorded(*since: str) -> Config:
    return load_config(
        "demo",
        [
            "losses=[icepop]",
            "batching={name: delayed, steps: 2}",
            "learner.max_idle_steps=2",
            *since,
        ],
    )


def test_a_recorded_config_of_before_loads_and_may_be_resumed() -> None:
    recorded = FORMER / "recorded.yaml"
    waited = ("rollout.deterministic=false", "rollout.batch_wait_s=1", "model.device=auto")
    assert dumped(load_config(recorded)) == dumped(of_the_recorded(*waited))
    config = of_the_recorded()
    assert differences(recorded, config) == {}
    check_same(recorded, config)


def test_configs_are_written_with_todays_names() -> None:
    text = yaml.safe_dump(dumped(load_config(FORMER / "recorded.yaml")))
    again = yaml.safe_load(text)
    for former, present in former_paths().items():
        for path, there in ((former, False), (present, True)):
            place = again
            for part in path.replace("*", "0").split(".")[:-1]:
                place = place[int(part)] if isinstance(place, list) else place[part]
            assert (path.rpartition(".")[2] in place) is there, path


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("threads=3", "torch_threads", 3),
        ("rollout.groups=3", "rollout.tasks_per_step", 3),
        ("rollout.max_tokens=3", "rollout.max_tokens_per_turn", 3),
        ("rollout.patience_s=3", "rollout.batch_wait_s", 3),
        ("warm_start.rows=3", "warm_start.batch_size", 3),
        ("warm_start.recorded=[a]", "warm_start.demo_dirs", ["a"]),
        ("warm_start.shares={1: 1}", "warm_start.difficulty_mix", {1: 1}),
        ("learner.micro_tokens=3", "learner.micro_batch_tokens", 3),
        ("learner.idle_steps=3", "learner.max_idle_steps", 3),
        ("evaluation.every=3", "evaluation.interval", 3),
        ("composer.batches=3", "batching.batches", 3),
    ],
)
def test_an_override_by_a_former_name_replaces_the_recipes_value(
    override: str, path: str, value: object
) -> None:
    place: Any = load_config("demo", [override])
    for part in path.split("."):
        place = getattr(place, part)
    assert place == value
    assert dumped(load_config("demo", [override])) != dumped(load_config("demo"))


def test_bounds_of_weights_are_read_by_former_names_too() -> None:
    config = load_config("demo", ["losses=[{name: tis, most: 3}]", "losses.0.least=0.25"])
    loss: Any = config.losses[0]
    assert (loss.min_weight, loss.max_weight) == (0.25, 3)


def test_fields_of_an_environment_are_not_renamed() -> None:
    assert present_path("env.groups") == "env.groups"
    assert load_config("demo", ["env.rows=3"]).env.kwargs["rows"] == 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("rollout.groupz=3", r"rollout\.groupz: "),
        ("rollout={groups: 2, tasks_per_step: 3}", r"rollout\.groups: "),
        ("losses=[{name: icepop, leest: 1}]", r"losses\.0.*leest"),
    ],
)
def test_unknown_and_doubled_names_are_errors_with_their_path(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_config("demo", [override])


def test_shipped_verdicts_still_hold_for_their_reproductions() -> None:
    verdicts = {
        name: path.with_suffix(".json")
        for name, path in reproductions().items()
        if path.with_suffix(".json").exists()
    }
    assert len(verdicts) >= 7
    for name, path in verdicts.items():
        shipped = json.loads(path.read_text())
        assert load_reproduction(name)[1].fingerprint == shipped["spec"]
