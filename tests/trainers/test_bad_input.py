"""What cannot be trained on stops a run: with what, where, what to change; a checkpoint stays."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import envgym
from envgym.env import Content
from envgym.environments.search.wiki import WikiSearch
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.trainers.advantages import Gdpo, Grpo
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.config import Config
from envgym.trainers.learner.policy import TrainingError
from envgym.trainers.recipe import load_config
from envgym.trainers.rewards import Reward
from envgym.trainers.run import train
from envgym.trainers.running.checkpoint import latest
from envgym.trainers.running.sanity_checks import check_advantages, check_played, check_rewards
from tests.trainers.helpers import episode
from tests.trainers.test_run import config, metrics

ALONE = ("losses=[{name: clip}]", "hooks=[]", "evaluation.tasks=0")  # no term that needs no reward


class Lengths(WikiSearch):
    """Rewards that hang on what was said, so that they differ."""

    async def act(self, action: Action) -> Content:
        self.add_reward(len(action.text) % 5 / 4)
        return await super().act(action)


class Poisoned(Lengths):
    """From some step on a reward is no number."""

    async def act(self, action: Action) -> Content:
        if self.task.key in POISON:
            self.add_reward(math.nan)
        return await super().act(action)


POISON: set[str] = set()
envgym.register("test/lengths-v1", Lengths)
envgym.register("test/poisoned-v1", Poisoned)


class Poison(Reward):
    """Divides by zero, as shaping does."""

    name: str = "test-poison"

    def __call__(self, groups: Sequence[Group]) -> None:
        groups[0][0].reward = math.inf


def one(**others: Any) -> Sample:
    made = episode([([1], [2]), ([3], [4])], **others)
    return Sample(made, made.trajectory, made.reward)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_an_environment_gives_must_be_a_number(value: float) -> None:
    with pytest.raises(TrainingError, match=f"t-v0 gave a reward in turn 1 of {value} .episode e"):
        check_played([[one()], [one(reward=value)]])
    with pytest.raises(TrainingError, match=f"gave a score of {value}"):
        check_played([[one(score=value)]])
    check_played([[one(reward=-3.0, score=1.0)]])


def test_a_reward_plug_in_that_breaks_is_named() -> None:
    with pytest.raises(TrainingError, match="reward 'overlong' made the reward of episode e"):
        check_rewards([[one()], [one(reward=math.nan)]], "overlong")


def test_an_advantage_that_is_no_number_is_named() -> None:
    sample = one(reward=0.5)
    sample.advantages = [np.zeros(1, np.float32), np.full(1, np.nan, np.float32)]
    with pytest.raises(TrainingError, match=r"advantage 'grpo' .* turn 1 of episode e .* 0.5"):
        check_advantages([[sample]], "grpo")
    groups = [[one(reward=1e-30), one(reward=0.0)]]
    Grpo(eps=0.0)(groups)
    check_advantages(groups, "grpo")


async def stopped(folder: Path, *overrides: str, also: Reward | None = None) -> str:
    """The error of a run that has to stop; the checkpoint before is there and whole."""
    made: Config = config(folder, "a", *ALONE, *overrides)
    made.rewards += [also] if also else []
    with pytest.raises(TrainingError) as told:
        await train(made)
    kept = latest(folder / "a" / "checkpoints")
    assert kept is not None
    state = json.loads((kept / "state.json").read_text())
    logged = folder / "a" / "metrics.jsonl"
    assert state["step"] == len(metrics(folder / "a")) if logged.exists() else state["step"] == 0
    assert "last checkpoint is whole" in str(told.value)
    return str(told.value)


async def test_a_run_stops_at_a_reward_that_is_no_number(tmp_path: Path) -> None:
    env = ("env.id=test/poisoned-v1", "learner.steps=9")
    clean = envgym.make("test/poisoned-v1", size=60, hops=[1], top_k=1, max_turns=3, phrasings=1)
    POISON.clear()
    POISON.update(clean.tasks("train")[i].key for i in range(0, 40, 4))
    await clean.close()
    said = await stopped(tmp_path, *env, "warm_start={episodes: 0, steps: 0}")
    assert "poisoned-v1 gave a reward in turn" in said
    # Mended, it goes on from there.
    POISON.clear()
    await train(
        config(tmp_path, "a", *ALONE, *env, "warm_start={episodes: 0, steps: 0}"), resume=True
    )
    assert [row["step"] for row in metrics(tmp_path / "a")] == list(range(1, 10))


async def test_a_run_stops_where_a_reward_plug_in_breaks(tmp_path: Path) -> None:
    said = await stopped(tmp_path, also=Poison())
    assert "reward 'test-poison' made" in said


async def test_an_all_equal_batch_stops_the_run_or_is_let_pass(tmp_path: Path) -> None:
    said = await stopped(
        tmp_path, "rollout.max_tokens_per_turn=1"
    )  # never an answer: all rewards are 0
    for part in ("step 1", "all 0", "2 of 2 groups", "rollout.dynamic_rounds", "idle_steps"):
        assert part in said
    again = tmp_path / "again"
    again.mkdir()
    said = await stopped(again, "rollout.max_tokens_per_turn=1", "learner.max_idle_steps=1")
    assert "step 2" in said


async def test_a_batch_that_is_empty_after_filtering_stops_the_run(tmp_path: Path) -> None:
    said = await stopped(tmp_path, "rollout.max_tokens_per_turn=1", "advantage=psr")
    assert "step 1: advantage 'psr' left none of the 6 samples" in said


async def test_dynamic_sampling_that_finds_nothing_stops_the_run(tmp_path: Path) -> None:
    said = await stopped(tmp_path, "rollout.max_tokens_per_turn=1", "rollout.dynamic_rounds=2")
    assert "all rewards equal in each of the 4 that 2 rounds played" in said


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["batching={name: c3po, tokens: 100}", "learner.denominator=sequence"],
            "batching 'c3po': .*learner.denominator asks for 'sequence'",
        ),
        (["rollout.dynamic_rounds=4", "rollout.group_size=1"], "set rollout.group_size to 2"),
        (["advantage=nsr", "rollout.dynamic_rounds=2"], "advantage 'nsr': .*dynamic_rounds to 1"),
        (
            ["advantage=maxrl", "rewards=[environment, length]"],
            "advantage 'maxrl': .*'length' takes away",
        ),
    ],
)
def test_what_excludes_each_other_is_said_where_the_recipe_is_read(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("name: x\nenv: {id: search/wiki-v1, size: 100}\nmodel: {kind: tiny}\n")
    overrides = ["advantage=reinforce++", *overrides]
    with pytest.raises(UsageError, match=message):
        load_config(path, overrides)
    for override in overrides[1:]:  # either alone is good
        load_config(path, [overrides[0], override])


@pytest.mark.parametrize(
    ("override", "message", "fixed"),
    [
        (
            "advantage={name: gdpo, weights: {enviroment: 5.0}}",
            r"advantage 'gdpo': advantage\.weights\.enviroment: .*'environment'",
            ["advantage={name: gdpo, weights: {environment: 5.0}}"],
        ),
        (
            "evaluation={samples: 8}",
            r"evaluation\.samples: 8 .* set evaluation\.temperature",
            ["evaluation={samples: 8, temperature: 1.0}"],
        ),
        (
            "rewards=[environment, {name: overlong, limit: 10, buffer: 100}]",
            r"rewards\.1 'overlong': its buffer of 100 tokens is over its limit of 10",
            ["rewards=[environment, {name: overlong, limit: 10, buffer: 10}]"],
        ),
        (
            "losses=[kl, gspo]",
            r"losses\.1 'gspo': .*set learner\.denominator to sequence",
            ["losses=[gspo]", "learner.denominator=sequence"],
        ),
        (
            "learner={denominator: sequence}",
            r"losses\.0 'dapo': .*set learner\.denominator to token",
            ["losses=[dapo]"],
        ),
        (
            "advantage=dr_grpo",
            r"advantage 'dr_grpo': .*set learner\.denominator to constant",
            ["advantage=dr_grpo", "losses=[clip]", "learner.denominator=constant"],
        ),
        ("losses=[]", "losses: an empty list .* name one", ["losses=[clip]"]),
        ("rewards=[]", "rewards: an empty list .* name one", ["rewards=[score]"]),
    ],
)
def test_a_recipe_without_a_meaning_is_refused_with_its_field_and_a_fix(
    tmp_path: Path, override: str, message: str, fixed: list[str]
) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("name: x\nenv: {id: search/wiki-v1, size: 100}\nmodel: {kind: tiny}\n")
    with pytest.raises(UsageError, match=message):
        load_config(path, ["losses=[dapo]", override])
    assert load_config(path, fixed)


def test_a_weight_that_no_reward_of_the_first_step_makes_is_named() -> None:
    """Where a reward of one's own adds other parts than it says."""
    groups = [[one(), one(reward=1.0)]]
    groups[0][0].add_reward("form", 1.0)
    with pytest.raises(UsageError, match=r"no reward is called 'fom'.*'form'"):
        Gdpo(weights={"fom": 1.0})(groups)
