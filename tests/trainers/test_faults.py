"""A world that breaks now and then: what it breaks is played again or left out, never learnt."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import envgym
from envgym.env import Content
from envgym.environments.search.wiki import WikiSearch
from envgym.errors import Fault
from envgym.messages import Action
from envgym.trainers.loop import Trainer
from envgym.trainers.run import train
from tests.trainers.test_run import config, metrics

LUCK = random.Random(0)  # of the world and no seed's: a retry may meet it again or not


class FlakySearch(WikiSearch):
    """One step in twenty meets an index that is gone."""

    async def act(self, action: Action) -> Content:
        if LUCK.random() < 0.05:
            raise Fault("the index is gone")
        return await super().act(action)


envgym.register("test/flaky-search-v1", FlakySearch)
FLAKY = "env.id=test/flaky-search-v1"


async def test_a_run_in_a_flaky_world_learns_what_it_would_have_learnt(tmp_path: Path) -> None:
    size = ("rollout.tasks_per_step=6", "rollout.group_size=4", "rollout.retries=5")
    await train(config(tmp_path, "calm", *size))
    await train(config(tmp_path, "flaky", FLAKY, *size))
    calm, flaky = metrics(tmp_path / "calm"), metrics(tmp_path / "flaky")
    assert sum(row["faults/retried"] for row in flaky) > 0
    assert sum(row["faults/quarantined"] for row in flaky) == 0
    for one, two in zip(calm, flaky, strict=True):
        # A retry plays the same episode: but for the last bits nothing is another.
        del one["faults/retried"], two["faults/retried"]
        assert two == pytest.approx(one, rel=1e-3, abs=1e-5)


async def test_what_cannot_be_played_is_quarantined_and_enters_no_batch(tmp_path: Path) -> None:
    size = ("rollout.tasks_per_step=12", "rollout.group_size=4", "rollout.retries=0")
    trainer = Trainer(config(tmp_path, "a", FLAKY, *size))
    try:
        groups, result = await trainer.collect()
    finally:
        await trainer.close()
    assert result.quarantined
    assert {e.fault for e in result.quarantined} == {"infra: the index is gone"}
    learnt = [sample.episode for group in groups for sample in group]
    assert len(learnt) + len(result.quarantined) == 48
    assert all(episode.fault is None for episode in learnt)
