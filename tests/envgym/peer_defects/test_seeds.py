"""Seeds that other libraries ignore, or take from each other."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from envgym.agents.scripted import ScriptedAgent
from envgym.checker import CHECKS, check
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.rollout.runner import Rollout, Start
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool
from envgym.vector.vector_env import VectorEnv


class Dice(ToolEnv[Task]):
    """Each throw is drawn as it is made: determinism has to last for the whole episode."""

    max_turns = 6

    def tasks(self, split: str = "train") -> TaskSource:
        return TaskSource.rows([Task({"sides": n, "split": split}, split=split) for n in (6, 20)])

    async def start(self, task: Task) -> str:
        return f"A die of {task.data['sides']} sides."

    def draw(self) -> int:
        return self.rng.randrange(self.task.data["sides"])

    @tool
    async def throw(self) -> str:
        """Throw the die."""
        return str(self.draw())

    @tool
    async def stop_here(self) -> str:
        """End it."""
        self.end(1.0)
        return "Done."

    async def oracle(self) -> AsyncIterator[Action]:
        for _ in range(4):
            yield Action.call("throw")
        yield Action.call("stop_here")


class GlobalDice(Dice):
    """As GEM and TextArena do it: reset(seed) seeds the module `random`, and all draw from it."""

    async def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        random.seed(seed)
        return await super().reset(seed=seed, options=options)

    def draw(self) -> int:
        return random.randrange(self.task.data["sides"])


class Unheeding(Dice):
    """As OpenEnv's textarena_env does it: the seed is accepted, and dropped (1102)."""

    async def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return await super().reset(seed=random.randrange(10**9), options=options)


class Hoarding(Dice):
    """As TextArena's LLMObservationWrapper does it: the history is never cleared on reset."""

    def __init__(self) -> None:
        super().__init__()
        self.history = ""

    async def start(self, task: Task) -> str:
        self.history += await super().start(task)
        return self.history


THROW = Action.call("throw")


async def throws(env: Dice, *company: Dice) -> list[str]:
    await env.reset(seed=5)
    texts = []
    for _ in range(4):
        for other in company:
            await other.reset(seed=6)
            await other.step(THROW)
        texts.append((await env.step(THROW)).observation.text)
    return texts


async def test_a_second_live_environment_changes_no_draw() -> None:
    # Measured in GEM and in TextArena: with one more environment in the process, the same seed
    # gives another episode.
    assert await throws(Dice()) == await throws(Dice(), Dice())
    assert await throws(GlobalDice()) != await throws(GlobalDice(), GlobalDice())


@pytest.mark.parametrize(
    ("env", "caught_by"),
    [
        (GlobalDice, "same_seed_same_episode_in_company"),
        (GlobalDice, "global_random_is_left_alone"),
        (Unheeding, "same_seed_same_episode"),
        (Hoarding, "same_seed_same_episode_on_reuse"),
    ],
)
async def test_the_checker_finds_an_environment_written_that_way(
    env: type[Dice], caught_by: str
) -> None:
    chosen = [c for c in CHECKS if c.__name__ == caught_by]
    assert (await check(Dice, company=20, checks=chosen)).ok
    report = await check(env, company=20, checks=chosen)
    assert [finding.check for finding in report.failures][:1] == [caught_by], str(report)


async def test_a_reset_seeds_nothing_global() -> None:
    # GEM's reset(seed) calls random.seed and np.random.seed, TextArena's random.seed.
    before, numpys = random.getstate(), np.random.get_state()[1].tolist()
    await throws(Dice())
    assert random.getstate() == before
    assert np.random.get_state()[1].tolist() == numpys


async def test_a_group_plays_one_task_with_one_beginning() -> None:
    # OpenEnv dropped the seed, and the members of a GRPO group got different secret words (1102).
    class Last(Dice):
        async def act(self, action: Action) -> Any:
            self.end(0.0)
            return "Done."

    starts = [Start(3, group="g", member=m) for m in range(8)]
    rollout = Rollout(Last)
    result = await rollout.run(starts, ScriptedAgent([Action()]))
    await rollout.close()
    assert len({(e.task.key, e.turns[0].messages) for e in result.episodes}) == 1


async def test_a_thousand_resets_leave_no_history() -> None:
    # Measured in TextArena: the prompt grew from 105k to 682k characters over 2,400 steps.
    env = Dice()
    lengths = {len((await env.reset(seed=n))[0].text) for n in range(1000)}
    assert lengths == {len("A die of 6 sides."), len("A die of 20 sides.")}


async def test_seeds_last_through_autoreset() -> None:
    # Gymnasium 1321: what a seeded vector draws after an autoreset did not hang on its seed.
    async def run(seed: int) -> list[list[str]]:
        async with VectorEnv([Dice(max_turns=2) for _ in range(3)], "same_step") as vec:
            await vec.reset(seed=seed)
            return [[o.text for o in (await vec.step([THROW] * 3))[0]] for _ in range(12)]

    assert await run(1) == await run(1)
    assert await run(1) != await run(2)


async def test_what_reset_does_not_know_is_refused() -> None:
    # OpenEnv's client says of its step(**kwargs): "currently ignored".
    with pytest.raises(UsageError, match="unknown reset options"):
        await Dice().reset(seed=0, options={"difficulty": 3})


async def test_instances_are_apart() -> None:
    # OpenEnv's servers first held one environment for all sessions (194).
    one, other = Dice(), Dice()
    await one.reset(seed=0)
    await other.reset(seed=0)
    await one.step(Action.call("stop_here"))
    assert (one.ended, other.ended) == (True, False)
    assert (await other.step(THROW)).info["turn"] == 1
