"""A vector's step beside the same environments stepped one by one: nothing may differ."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from envgym.env import Env, StepResult
from envgym.messages import Action, Observation
from envgym.task import Task, TaskSource
from envgym.vector.vector_env import VectorEnv


class Walk(Env[Task]):
    """Ends where luck has it, or at its fourth turn; names some of its states."""

    max_turns = 4

    def tasks(self, split: str = "train") -> TaskSource:
        return TaskSource.rows([Task({"n": n}) for n in range(7)])

    async def start(self, task: Task) -> str:
        return f"start {task.data['n']}"

    async def act(self, action: Action) -> str:
        luck = self.rng.random()
        self.metrics["luck"] = luck
        self.add_reward(luck)
        self.anchor = "lucky" if luck > 0.5 else ""
        if luck > 0.8:
            self.end(luck)
        return f"{action.text} {self.turn} {luck}"


class Waiting(Walk):
    async def start(self, task: Task) -> str:
        await asyncio.sleep(0)
        return await super().start(task)

    async def act(self, action: Action) -> str:
        if self.rng.random() < 0.5:
            await asyncio.sleep(0.001)
        return await super().act(action)


class OwnWay(Walk):
    """An author who overrides what callers use."""

    async def reset(self, **asked: Any) -> tuple[Observation, dict[str, Any]]:
        observation, info = await super().reset(**asked)
        return Observation(f"own {observation.text}"), info | {"own": True}

    async def step(self, action: Action) -> StepResult:
        step = await super().step(action)
        return step._replace(reward=2 * step.reward, info=step.info | {"own": True})


KINDS = (Walk, Waiting, OwnWay, Walk, Waiting)


class OneByOne:
    """What a vector is to do, written out for one environment."""

    def __init__(self, env: Env[Any], mode: str) -> None:
        self.env, self.mode, self.over = env, mode, False

    async def step(self, action: Action) -> StepResult:
        if self.over:
            self.over = False
            observation, info = await self.env.reset()
            return StepResult(observation, 0.0, False, False, info)
        step = await self.env.step(action)
        if not step.done:
            return step
        if self.mode == "next_step":
            self.over = True
            return step
        observation, info = await self.env.reset()
        info |= {"final_obs": step.observation, "final_info": step.info}
        return step._replace(observation=observation, info=info)


def infos_of(batch: Any, index: int) -> dict[str, Any]:
    keys = [key for key in batch if f"_{key}" in batch and batch[f"_{key}"].dtype == bool]
    return {key: batch[key][index] for key in keys if batch[f"_{key}"][index]}


@pytest.mark.parametrize("mode", ["next_step", "same_step"])
async def test_a_vector_does_what_its_environments_do_alone(mode: str) -> None:
    alone = [OneByOne(kind(), mode) for kind in KINDS]
    begun = [await one.env.reset(seed=i) for i, one in enumerate(alone)]
    ended = 0
    earlier: list[tuple[Any, list[dict[str, Any]]]] = []
    async with VectorEnv([kind() for kind in KINDS], mode) as vec:
        observations, infos = await vec.reset(seed=0)
        assert observations == [observation for observation, _ in begun]
        assert [infos_of(infos, i) for i in range(len(KINDS))] == [info for _, info in begun]
        for turn in range(40):
            actions = [Action(f"a{turn}") for _ in KINDS]
            wanted = [await one.step(a) for one, a in zip(alone, actions, strict=True)]
            got = await vec.step(actions)
            assert got[0] == [step.observation for step in wanted]
            assert [column.tolist() for column in got[1:4]] == [
                [step.reward for step in wanted],
                [step.terminated for step in wanted],
                [step.truncated for step in wanted],
            ]
            ended += sum(step.done for step in wanted)
            earlier.append((got[4], [step.info for step in wanted]))
    assert ended > 40
    # Read late, they say how it was then.
    for batch, wanted_infos in earlier:
        assert [infos_of(batch, i) for i in range(len(KINDS))] == wanted_infos


async def test_one_that_breaks_takes_nothing_from_the_others() -> None:
    class Breaks(Walk):
        async def act(self, action: Action) -> str:
            raise ValueError(action.text)

    async with VectorEnv([Walk(), Breaks(), Waiting()]) as vec:
        begun, _ = await vec.reset(seed=3)
        with pytest.raises(Exception, match=r"environment 1 of 3: .*ValueError: go"):
            await vec.step([Action("go")] * 3)
        assert [env.turn for env in vec.envs] == [1, 1, 1]
        with pytest.raises(Exception, match=r"environment 1 of 3: .*broken"):
            await vec.step([Action("go")] * 3)
        assert begun[1].text.startswith("start")
