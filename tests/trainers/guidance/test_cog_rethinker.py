"""Cog-Rethinker: decompose, then reflect; solved retries are kept and imitated without prompts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envgym.agents.scripted import ScriptedAgent
from envgym.errors import UsageError
from envgym.rollout.runner import Start
from envgym.task import Task
from envgym.trainers.collection.samples import as_groups, of_policy
from envgym.trainers.guidance import CogRethinker
from envgym.trainers.loop import Trainer
from envgym.trainers.running import checkpoint
from tests.trainers.guidance.world import Game, parts
from tests.trainers.test_run import config

SFT = "losses=[clip, {name: sft, coef: 0.1}]"


class Thinker:
    """A game whose agent solves door 1 when it decomposes, and door 2 when it reflects."""

    def __init__(self) -> None:
        self.game = Game()
        self.seen: list[str] = []
        self.game.player.agents = ScriptedAgent(self._act)

    def _act(self, context: Any) -> str:
        told = context.messages[-1].content if len(context.messages) > 1 else ""
        self.seen.append(told)
        door = context.messages[0].content
        solved = ("1" in door and "split the task" in told) or ("2" in door and "wrong" in told)
        return "hello" if solved else "x"


async def test_stages_follow_while_all_members_fail() -> None:
    world, method = Thinker(), CogRethinker()
    result = await method.play(world.game.starts(1, 2, 3), world.game.player)
    first, second = "cog_rethinker:decompose", "cog_rethinker:reflect"
    assert parts(result.episodes[6::2]) == [
        ("0.0.1", "demonstration", first, 1.0),
        ("0.0.2", "failed_retry", first, 0.0),
        ("0.0.3", "failed_retry", first, 0.0),
        ("0.0.2", "demonstration", second, 1.0),
        ("0.0.3", "failed_retry", second, 0.0),
    ]
    assert "A wrong attempt at the task above:\nAgent: x" in world.seen[-1]
    assert world.seen[-1].count("A wrong attempt") == 1  # equal ones once
    assert of_policy(as_groups(result.episodes)) == as_groups(result.episodes[:6])
    assert len({e.id for e in result.episodes}) == len(result.episodes)


async def test_similar_successes_are_shown_but_never_the_solution_itself() -> None:
    """All doors have the same answer: an example of another door would hold it."""
    world, method = Thinker(), CogRethinker()
    await method.play(world.game.starts(1), world.game.player)
    [kept] = method.state()["memory"]["decompose"]
    assert kept["solution"] == "Agent: hello"
    tasks = [Task({"needs": n}, {"answer": answer}) for n, answer in ((1, "hello"), (3, "hi you"))]
    for task in tasks:
        start = Start(7, Task(task.data, task.hidden), "g", 0)
        await method.play([start], world.game.player)
        assert ("Door 1.\nAgent: hello" in world.seen[-2]) is (task is tasks[1])


async def test_the_nearest_examples_come_first_and_memory_is_bounded() -> None:
    method = CogRethinker(shown=1, capacity=2)
    world = Thinker()
    [attempt] = (await world.game.player.play(world.game.starts(3, members=1))).episodes
    for text in ("Window 3.", "Door 4.", "Door 3 is red."):
        attempt.task = Task({"text": text}, {"answer": "none"})
        attempt.turns[0].messages = (type(attempt.turns[0].messages[0])("user", text),)
        method._keep("reflect", attempt)
    assert [r["task"] for r in method.state()["memory"]["reflect"]] == ["Door 4.", "Door 3 is red."]
    attempt.task = Task({"text": "new"}, {"answer": "none"})
    attempt.turns[0].messages = (type(attempt.turns[0].messages[0])("user", "Door 3."),)
    assert [row["task"] for row in method._retrieve("reflect", attempt)] == ["Door 3 is red."]
    again = CogRethinker(shown=1, capacity=2)
    again.load(json.loads(json.dumps(method.state())))
    assert again.state() == method.state()
    assert again._message("reflect", [attempt]) == method._message("reflect", [attempt])
    assert CogRethinker(shown=0)._retrieve("reflect", attempt) == []


async def test_a_group_with_a_success_costs_nothing_more() -> None:
    game = Game()
    await CogRethinker().play(game.starts(0), game.player)
    assert game.agent.acts == 2


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("losses=[clip]",), r"add {name: sft, coef: 0.1} to losses"),
        ((SFT, "rollout.dynamic_rounds=2"), "set rollout.dynamic_rounds to 1"),
    ],
)
def test_conflicts(tmp_path: Path, overrides: Sequence[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        config(tmp_path, "a", "guidance=cog_rethinker", *overrides)


def solve_retries(trainer: Trainer) -> None:
    """Count every retry as solved and every plain attempt as failed."""
    play = trainer.collector.player.play

    async def solved(starts: Any) -> Any:
        result = await play(starts)
        for episode in result.episodes:
            episode.score = float(bool(episode.guided_by))
        return result

    trainer.collector.player.play = solved  # type: ignore[method-assign]


async def test_a_run_imitates_without_the_stages_message(tmp_path: Path) -> None:
    trainer = Trainer(config(tmp_path, "a", "guidance=cog_rethinker", SFT))
    solve_retries(trainer)
    try:
        groups, _ = await trainer.collect()
        told, _ = await trainer.step()
    finally:
        await trainer.close()
    plain, shown = groups[:2]
    assert (plain[0].role, shown[0].role) == ("policy", "demonstration")
    first = int(plain[0].rows[0].mask.argmax())
    assert np.array_equal(shown[0].rows[0].ids[:first], plain[0].rows[0].ids[:first])
    assert shown[0].rows[0].mask.argmax() == first
    assert told["learn/nll"] > 0


async def test_a_resumed_run_shows_the_same_examples(tmp_path: Path) -> None:
    """Steps 2 of a run and of its continuation are equal, and show what step 1 kept."""
    settings = config(tmp_path, "a", "guidance={name: cog_rethinker, max_chars: 100}", SFT)
    whole, resumed = Trainer(settings), Trainer(settings)
    try:
        for trainer in (whole, resumed):
            solve_retries(trainer)
        await whole.step()
        folder = checkpoint.save(whole, tmp_path, {})
        await checkpoint.load(resumed, folder)
        (told, episodes), (again, others) = await whole.step(), await resumed.step()
    finally:
        await whole.close()
        await resumed.close()
    assert [e.turns[0].messages for e in episodes] == [e.turns[0].messages for e in others]
    assert any("An example." in m.content for e in episodes for m in e.turns[0].messages)
    clocks = ("time/", "rollout/loop_lag_s", "engine/")
    assert {k: v for k, v in told.items() if not k.startswith(clocks)} == {
        k: v for k, v in again.items() if not k.startswith(clocks)
    }
