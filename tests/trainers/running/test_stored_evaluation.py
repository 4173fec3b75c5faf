"""An evaluation in a folder: nothing is played twice, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import envgym
from envgym.agent import Agent, Completion, Context
from envgym.errors import Fault, UsageError
from envgym.messages import Action
from envgym.rollout.runner import Rollout, RolloutLimits, Start
from envgym.store import read_episodes
from envgym.store.episodes import shards
from envgym.task import Task
from envgym.trainers.running.evaluate import evaluation_starts, pick_tasks
from envgym.trainers.running.stored_evaluation import StoredEvaluation
from envgym.trajectory import Episode

PLAN: dict[str, Any] = {"env": "puzzles/key-door-v1", "tasks": 4, "samples": 2, "seed": 0}
ENV = "puzzles/key-door-v1"


class Guesser(Agent):
    """Takes a key again and again; breaks in the episodes named, and counts whom it served.

    Args:
        stop_after: Number of actions after which every further one raises a usage error.
    """

    def __init__(self, breaks: tuple[str, ...] = (), stop_after: int = 10**9) -> None:
        self.breaks, self.stop_after = breaks, stop_after
        self.served: set[str] = set()
        self.actions = 0

    async def act(self, context: Context) -> Completion:
        name = context.session.rpartition("/")[0]
        self.actions += 1
        if self.actions > self.stop_after:
            raise UsageError("the key is wrong")
        if name in self.breaks:
            raise Fault("the server is gone")
        self.served.add(name)
        action = Action.call("take", key="red")
        return Completion(text="", action=action, metrics={"output_tokens": 3.0, "cost": 0.5})


@pytest.fixture
async def rollout() -> Any:
    rollout = Rollout(lambda: envgym.make(ENV, length=1, max_turns=3), RolloutLimits(concurrency=1))
    yield rollout
    await rollout.close()


async def starts(samples: int = 2) -> list[Start]:
    async with envgym.make(ENV, length=1) as env:
        return evaluation_starts(pick_tasks(env.tasks("test"), 4), samples, seed=0)


def written(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "evaluation.json").read_text())


async def test_scores_and_episodes_are_in_the_folder(tmp_path: Path, rollout: Rollout) -> None:
    asked = await starts()
    scores, played = await StoredEvaluation(tmp_path, PLAN).play(rollout, Guesser(), asked)
    assert written(tmp_path) == {"plan": PLAN, "scores": scores.to_json()}
    assert [e.id for e in read_episodes(tmp_path)] == [start.id for start in asked]
    assert (scores.episodes, scores.planned, scores.left_out, played.retried) == (8, 8, {}, 0)
    assert scores.usage == {"output_tokens": 8 * 3 * 3.0, "cost": 12.0}
    assert scores.tokens == 9.0  # the server's count: the episodes hold no ids


async def test_what_was_interrupted_goes_on_where_it_stopped(
    tmp_path: Path, rollout: Rollout
) -> None:
    asked, first = await starts(), Guesser(stop_after=10)  # in the fourth episode of three turns
    with pytest.raises(UsageError, match="the key is wrong"):
        await StoredEvaluation(tmp_path, PLAN).play(rollout, first, asked)
    assert len(list(read_episodes(tmp_path))) == 3
    second = Guesser()
    resumed = StoredEvaluation(tmp_path, PLAN, resume=True)
    assert resumed.usage == {"output_tokens": 27.0, "cost": 4.5}
    scores, _ = await resumed.play(rollout, second, asked)
    assert second.served == {start.id for start in asked[3:]}
    whole, _ = await StoredEvaluation(tmp_path / "b", PLAN).play(rollout, Guesser(), asked)
    assert scores == whole


async def test_broken_episodes_are_reported_and_played_again(
    tmp_path: Path, rollout: Rollout
) -> None:
    asked = await starts()
    broken = (asked[2].id, asked[5].id)
    scores, played = await StoredEvaluation(tmp_path, PLAN).play(rollout, Guesser(broken), asked)
    assert (scores.episodes, scores.faults, scores.left_out) == (6, 2, {"infra": 2})
    assert scores.infra_rate == 0.25
    assert scores.pass_tasks == {1: 4, 2: 2}
    assert played.faults == {"infra": 6}  # three tries each
    again = Guesser()
    resumed = StoredEvaluation(tmp_path, PLAN, resume=True)
    scores, _ = await resumed.play(rollout, again, asked)
    assert again.served == set(broken)
    assert scores.usage["cost"] == 8 * 1.5  # a broken episode had cost nothing
    assert (scores.episodes, scores.faults, scores.left_out) == (8, 0, {})
    nothing_left = StoredEvaluation(tmp_path, PLAN, resume=True)
    assert nothing_left.left(asked) == []
    assert (await nothing_left.play(rollout, Guesser(), asked))[0] == scores


async def test_what_a_broken_try_used_is_not_forgotten(tmp_path: Path) -> None:
    stored = StoredEvaluation(tmp_path, PLAN)
    (start,) = (await starts())[:1]
    for fault in ("infra: gone", None):
        made = Episode(start.id, ENV, start.task or Task({}), 0, fault=fault)
        made.metrics = {"agent/cost": 0.25}
        stored.add(made)
    stored.flush()
    (tmp_path / "evaluation.json").write_text(json.dumps({"plan": PLAN}))
    resumed = StoredEvaluation(tmp_path, PLAN, resume=True)
    assert resumed.usage == {"cost": 0.5}
    assert (len(resumed.episodes), resumed.broken) == (1, {})


async def test_samples_may_grow(tmp_path: Path, rollout: Rollout) -> None:
    asked = await starts(2)
    await StoredEvaluation(tmp_path, PLAN).play(rollout, Guesser(), asked)
    more, agent = await starts(4), Guesser()
    grown = StoredEvaluation(tmp_path, {**PLAN, "samples": 4}, resume=True)
    scores, _ = await grown.play(rollout, agent, more)
    assert agent.served == {s.id for s in more} - {s.id for s in asked}
    assert (scores.episodes, list(scores.pass_at)) == (16, [1, 2, 4])


async def test_long_evaluations_are_written_on_the_way(
    tmp_path: Path, rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envgym.trainers.running.stored_evaluation._EVERY_S", 0.0)
    await StoredEvaluation(tmp_path, PLAN).play(rollout, Guesser(), await starts())
    assert len(shards(tmp_path)) == 8


async def test_folders_that_do_not_fit_are_refused(tmp_path: Path, rollout: Rollout) -> None:
    with pytest.raises(UsageError, match="holds no evaluation to resume"):
        StoredEvaluation(tmp_path / "a", PLAN, resume=True)
    begun = StoredEvaluation(tmp_path / "a", PLAN)
    assert not (tmp_path / "a").exists()  # nothing is left behind by a mistake found later
    await begun.play(rollout, Guesser(), [])
    with pytest.raises(UsageError, match="holds an evaluation: go on with --resume"):
        StoredEvaluation(tmp_path / "a", PLAN)
    with pytest.raises(UsageError, match="with tasks 4, not 5"):
        StoredEvaluation(tmp_path / "a", {**PLAN, "tasks": 5}, resume=True)
    with pytest.raises(UsageError, match="with samples 2, not 1"):
        StoredEvaluation(tmp_path / "a", {**PLAN, "samples": 1}, resume=True)
    (tmp_path / "a" / "evaluation.json").write_text("[]")
    with pytest.raises(UsageError, match="is damaged: restore"):
        StoredEvaluation(tmp_path / "a", PLAN, resume=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "episodes-000000.jsonl").write_text("")
    with pytest.raises(UsageError, match="holds other episodes"):
        StoredEvaluation(tmp_path / "b", PLAN)
