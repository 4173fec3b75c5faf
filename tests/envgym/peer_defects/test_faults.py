"""Broken infrastructure that other libraries train on, hang on, or leak."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from envgym.agent import Completion, Context
from envgym.checker.checks.leaks import settled
from envgym.deadlines import Deadlines
from envgym.errors import Fault
from envgym.messages import Action
from envgym.resources import Shared
from envgym.rollout.runner import Limits, Rollout, Start, run_episode
from envgym.task import Task
from envgym.trajectory import Episode
from tests.envgym.worlds import Guess, Solver, right


class Unlucky(Guess):
    """Its sandbox is gone in every fourth task, for good."""

    async def act(self, action: Action) -> Any:
        if self.task.data["low"] % 4 == 0:
            raise Fault("sandbox gone")
        return await super().act(action)


async def test_a_broken_sandbox_is_no_score_of_zero() -> None:
    # NeMo Gym 2921: of 1,280 rollouts 1,172 were orphaned, and each was trained on as 0.0.
    rollout = Rollout(Unlucky, Limits(retries=1))
    result = await rollout.run([Start(seed) for seed in range(40)], Solver(0))
    await rollout.close()
    assert {e.score for e in result.episodes} == {1.0}
    assert result.quarantined
    assert len(result.episodes) + len(result.quarantined) == 40
    assert all(e.fault == "infra: sandbox gone" for e in result.quarantined)


async def test_one_broken_member_does_not_cost_the_group() -> None:
    # miles 2800: with 5% of faults and groups of 8, dropping whole groups wastes a third.
    broken = {"g/2"}

    class Agent(Solver):
        async def act(self, context: Context) -> Completion:
            if context.session.rpartition("/")[0] in broken:
                raise Fault("engine gone", "model")
            return await super().act(context)

    rollout = Rollout(Guess, Limits(retries=0))
    result = await rollout.run([Start(1, group="g", member=m) for m in range(4)], Agent(0))
    await rollout.close()
    assert [e.id for e in result.episodes] == ["g/0", "g/1", "g/3"]
    assert [e.id for e in result.quarantined] == ["g/2"]


async def test_a_hang_ends_and_says_where() -> None:
    # NeMo Gym 162: a run stood at 98% for over ten hours without a message.
    class Stuck(Guess):
        deadlines = Deadlines(reset=0.05)

        async def start(self, task: Task) -> str:
            await asyncio.Event().wait()
            return ""

    with pytest.raises(Fault, match=r"stuck-v0: start passed its deadline of 0\.05 s"):
        await Stuck().reset(seed=0)


async def test_a_hung_episode_does_not_hold_up_the_others() -> None:
    # A batch that waits for its slowest member (GEM's and Gymnasium's vectors do by construction)
    # stands still with it.
    ended: list[int] = []
    others_ended = asyncio.Event()
    tasks = Guess().tasks()

    class Mixed(Guess):
        async def start(self, task: Task) -> str:
            if task == tasks[0]:
                await others_ended.wait()
                raise Fault("gave up")
            return await super().start(task)

    def note(episode: Episode) -> None:
        ended.append(episode.seed)
        if len(ended) == 19:
            others_ended.set()

    rollout = Rollout(Mixed, Limits(concurrency=2, retries=0))
    async with asyncio.timeout(20):
        await rollout.run([Start(n, tasks[n]) for n in range(20)], Solver(0), note)
    await rollout.close()
    assert ended == [*range(1, 20), 0]


async def test_a_dead_environment_is_not_handed_out_again() -> None:
    # rllm 644: a warm pool went on handing out dead sandboxes, 96 failures in one run.
    made: list[Mortal] = []

    class Mortal(Guess):
        dead = False

        def __init__(self) -> None:
            super().__init__()
            made.append(self)

        async def act(self, action: Action) -> Any:
            self.dead = self.dead or len(made) == 1
            if self.dead:
                raise Fault("box is dead")
            return await super().act(action)

    rollout = Rollout(Mortal, Limits(concurrency=1))
    result = await rollout.run([Start(seed) for seed in range(20)], Solver(0))
    await rollout.close()
    assert (len(made), len(result.episodes), result.retried) == (2, 20, 1)


async def test_closing_leaves_nothing() -> None:
    # AgentGym 62: a `close` without its brackets left 1,764 threads; OpenEnv 1000: half-open
    # sessions kept their containers until no more were to be had.
    class Holding(Guess):
        def __init__(self) -> None:
            super().__init__()
            self.index = Shared("peer/index", dict)
            self.worker: asyncio.Task[None] | None = None

        async def start(self, task: Task) -> str:
            self.worker = self.worker or asyncio.create_task(asyncio.sleep(60))
            return await super().start(task)

        async def stop(self) -> None:
            await self.index.close()
            if self.worker is not None:
                self.worker.cancel()

    before = await settled({})
    for number in range(200):
        async with Holding() as env:
            if number % 3:
                await env.reset(seed=number)
            if number % 3 == 2:
                await env.step(right(env))
    rollout = Rollout(Holding)
    await rollout.run([Start(seed) for seed in range(200)], Solver(0))
    await rollout.close()
    assert await settled(before) == before


async def test_the_agent_sees_what_reset_says() -> None:
    # TRL 6067: the asynchronous trainer dropped reset()'s observation and trained on nothing.
    seen: list[str] = []

    class Reader(Solver):
        async def act(self, context: Context) -> Completion:
            seen.append(context.messages[0].content)
            return await super().act(context)

    await run_episode(Guess(), Reader(1), Start(0))
    assert len(seen) == 2
    assert all(text.startswith("Guess my number") for text in seen)


async def test_each_step_has_its_reward() -> None:
    # TextArena gives rewards by close() alone; verifiers one for a trace (170); TRL's reward
    # function did not see the environment's (6031).
    episode = await run_episode(Guess(), Solver(2), Start(0))
    assert [turn.reward for turn in episode.turns] == [-0.125, -0.125, 1.0]
    assert episode.score == 1.0


async def test_an_error_is_raised_not_returned() -> None:
    # AgentGym answers {"error": …} with status 200: a client that does not look trains on it.
    class Broken(Guess):
        async def act(self, action: Action) -> Any:
            return {"error": "no such session"}["observation"]

    env = Broken()
    await env.reset(seed=0)
    with pytest.raises(Fault, match="act raised KeyError") as caught:
        await env.step(right(env))
    assert caught.value.kind == "env"
