"""Many episodes at once: order, retries, quarantine, deadlines, cancellation, seats."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from envgym.agent import Agent, Completion, Context
from envgym.deadlines import Deadlines
from envgym.env import Env
from envgym.errors import Fault, UsageError
from envgym.messages import Action, hint
from envgym.resources import Shared, open_resources
from envgym.rollout.runner import Limits, Rollout, RolloutResult, Start, run_episode
from envgym.stop_reason import StopReason
from envgym.task import Task
from envgym.tools import tool
from envgym.trajectory import Episode
from tests.envgym.worlds import Guess, Solver, wrong


class Flaky(Guess):
    """Loses its sandbox on tasks that `breaks` names, as long as it says so."""

    breaks: Callable[[Task], bool] = staticmethod(lambda task: False)
    open = 0

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        type(self).open += 1

    async def act(self, action: Action) -> Any:
        await asyncio.sleep(0)
        if self.breaks(self.task):
            raise Fault("sandbox gone")
        return await super().act(action)

    async def stop(self) -> None:
        type(self).open -= 1


class Hanging(Agent):
    """Never answers."""

    async def act(self, context: Context) -> Completion:
        await asyncio.sleep(60)
        return Completion()


@pytest.fixture
def flaky() -> type[Flaky]:
    return type("Flaky", (Flaky,), {"open": 0})


async def test_episodes_come_back_in_order_and_complete() -> None:
    seen: list[Episode] = []
    rollout = Rollout(Guess, Limits(concurrency=7))
    starts = [Start(seed, group=f"g{seed}", member=seed % 3) for seed in range(40)]
    result = await rollout.run(starts, Solver(misses=2), seen.append)
    await rollout.close()
    assert [e.seed for e in result.episodes] == list(range(40))
    assert len(seen) == 40
    assert not result.quarantined
    episode = result.episodes[4]
    assert (episode.id, episode.group, episode.env) == ("g4/1", "g4", "guess-v0")
    assert (episode.score, episode.stop_reason, episode.fault) == (1.0, StopReason.ANSWERED, None)
    assert [t.reward for t in episode.turns] == [-0.125, -0.125, 1.0]
    assert episode.reward == 0.75
    assert episode.metrics == {"tool_calls": 3.0, "tool_errors": 0.0}
    assert episode.trajectory.final[0].content == "Right."
    assert episode.turns[0].messages[0].content.startswith("Guess my number")
    assert episode.task.hidden


async def test_same_seeds_same_episodes_whatever_the_concurrency() -> None:
    async def texts(concurrency: int) -> list[list[str]]:
        rollout = Rollout(Guess, Limits(concurrency=concurrency))
        result = await rollout.run([Start(s) for s in range(12)], Solver())
        await rollout.close()
        return [[m.content for t in e.turns for m in t.messages] for e in result.episodes]

    assert await texts(1) == await texts(12)


async def test_a_given_task_is_played_and_guided() -> None:
    task = Task({"low": 3}, {"answer": 5})
    episode = await run_episode(Guess(), Solver(0), Start(0, task, guidance=(hint("It is odd."),)))
    assert episode.task is task
    assert [m.kind for m in episode.turns[0].messages] == ["user", "hint"]


async def test_environments_are_reused(flaky: type[Flaky]) -> None:
    rollout = Rollout(flaky, Limits(concurrency=3))
    await rollout.run([Start(s) for s in range(30)], Solver())
    assert flaky.open == 3
    await rollout.run([Start(s) for s in range(30)], Solver())
    assert flaky.open == 3
    await rollout.close()
    await rollout.close()
    assert flaky.open == 0


async def test_a_fault_is_retried_in_a_fresh_environment(flaky: type[Flaky]) -> None:
    tries: dict[str, int] = {}

    def breaks(task: Task) -> bool:
        tries[task.key] = tries.get(task.key, 0) + 1
        return tries[task.key] <= 2

    flaky.breaks = staticmethod(breaks)
    rollout = Rollout(flaky, Limits(concurrency=4, retries=2))
    result = await rollout.run([Start(s) for s in range(8)], Solver(0))
    assert [e.score for e in result.episodes] == [1.0] * 8
    assert result.retried == 2 * len({e.task.key for e in result.episodes})
    await rollout.close()
    assert flaky.open == 0


async def test_what_breaks_again_is_quarantined(flaky: type[Flaky]) -> None:
    flaky.breaks = staticmethod(lambda task: task.data["low"] % 4 == 0)
    rollout = Rollout(flaky, Limits(concurrency=8, retries=1))
    result = await rollout.run([Start(s) for s in range(20)], Solver(0))
    await rollout.close()
    assert len(result.episodes) + len(result.quarantined) == 20
    assert result.quarantined
    assert all(e.fault == "infra: sandbox gone" for e in result.quarantined)
    assert all(e.stop_reason is StopReason.FAULT for e in result.quarantined)
    assert all(e.fault is None and e.score == 1.0 for e in result.episodes)
    assert flaky.open == 0


async def test_a_broken_world_stops_the_rollout(flaky: type[Flaky]) -> None:
    flaky.breaks = staticmethod(lambda task: True)
    rollout = Rollout(flaky, Limits(concurrency=4, retries=0))
    with pytest.raises(Fault, match="51 of 100 episodes failed; last: infra: sandbox gone"):
        await rollout.run([Start(s) for s in range(100)], Solver(0))
    await rollout.close()
    assert flaky.open == 0


@pytest.mark.parametrize("share", [0.05, 0.5])
async def test_ten_faults_are_always_borne(flaky: type[Flaky], share: float) -> None:
    flaky.breaks = staticmethod(lambda task: True)
    rollout = Rollout(flaky, Limits(retries=0, fault_rate=share))
    result = await rollout.run([Start(s) for s in range(10)], Solver(0))
    assert len(result.quarantined) == 10


async def test_a_hung_step_is_a_fault() -> None:
    class Stuck(Guess):
        deadlines = Deadlines(step=0.02)

        async def act(self, action: Action) -> Any:
            await asyncio.sleep(60)

    rollout = Rollout(Stuck, Limits(retries=0))
    [episode] = (await rollout.run([Start(0)], Solver())).quarantined
    assert episode.fault is not None
    assert "env: stuck-v0: act passed its deadline" in episode.fault


class SlowStep(Guess):
    """Takes its time for the second step."""

    def partial_score(self) -> float:
        return 0.25

    async def act(self, action: Action) -> Any:
        if self.turn == 2:
            await asyncio.sleep(60)
        return await super().act(action)


async def test_an_environment_out_of_time_is_a_fault_and_no_score() -> None:
    rollout = Rollout(SlowStep, Limits(episode_s=0.2, retries=0))
    result = await rollout.run([Start(0)], Solver(misses=3))
    assert result.episodes == []
    assert "raise the limit (episode_s)" in str(result.quarantined[0].fault)


async def test_an_environment_that_time_may_end_is_cut_and_scored() -> None:
    class Timed(SlowStep):
        ends_by_time = True

    rollout = Rollout(Timed, Limits(episode_s=0.2))
    [episode] = (await rollout.run([Start(0)], Solver(misses=3))).episodes
    assert (episode.stop_reason, episode.score) == (StopReason.TIMEOUT, 0.25)
    assert len(episode.turns) == 2


async def test_waiting_for_the_agent_is_not_the_episodes_time() -> None:
    class Slow(Solver):
        async def act(self, context: Context) -> Completion:
            await asyncio.sleep(0.2)
            return await super().act(context)

    rollout = Rollout(Guess, Limits(episode_s=0.3, retries=0))
    [episode] = (await rollout.run([Start(0)], Slow(misses=3))).episodes
    assert (episode.score, len(episode.turns)) == (1.0, 4)
    assert episode.agent_s > 0.6


async def test_an_agents_own_timeout_is_no_score() -> None:
    class Lost(Agent):
        async def act(self, context: Context) -> Completion:
            raise TimeoutError("no answer from the server")

    episode = await run_episode(Guess(), Lost(), Start(0), seconds=60)
    assert episode.fault == "model: the agent timed out (no answer from the server)"


async def test_cancelling_a_rollout_closes_what_runs(flaky: type[Flaky]) -> None:
    before = asyncio.all_tasks()
    rollout = Rollout(flaky, Limits(concurrency=5))
    running = asyncio.create_task(rollout.run([Start(s) for s in range(20)], Hanging()))
    await asyncio.sleep(0.02)
    assert flaky.open == 5
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await rollout.close()
    assert flaky.open == 0
    assert asyncio.all_tasks() == before


async def test_a_broken_agent_stops_the_rollout_and_leaks_nothing() -> None:
    class Held(Guess):
        def __init__(self) -> None:
            super().__init__()
            self.shared = Shared("test/held", list)

        async def stop(self) -> None:
            await self.shared.close()

    class Bug(Agent):
        async def act(self, context: Context) -> Completion:
            await asyncio.sleep(0)
            raise ZeroDivisionError

    rollout = Rollout(Held)
    with pytest.raises(ZeroDivisionError):
        await rollout.run([Start(s) for s in range(6)], Bug())
    await rollout.close()
    assert "test/held" not in open_resources()


async def test_a_full_context_cuts_the_episode() -> None:
    class Full(Solver):
        async def act(self, context: Context) -> Completion:
            if len(context.messages) > 1:
                return Completion(finish="context")
            return Completion(action=wrong(self.envs[context.session]))

    episode = await run_episode(Guess(), Full(), Start(0))
    assert (episode.stop_reason, episode.score) == (StopReason.MAX_TOKENS, 0.0)
    assert len(episode.turns) == 1
    assert episode.trajectory.final[0].content == "Higher."


async def test_each_completion_has_a_seed_of_its_own() -> None:
    seeds: list[int] = []

    class Noting(Solver):
        async def act(self, context: Context) -> Completion:
            seeds.append(context.seed)
            return await super().act(context)

    for member in (0, 1):
        await run_episode(Guess(), Noting(2), Start(3, group="g", member=member))
    await run_episode(Guess(), Noting(2), Start(3, group="g", member=1))
    assert len(set(seeds)) == 6
    assert seeds[3:6] == seeds[6:]


async def test_seats_have_trajectories_and_rewards_of_their_own() -> None:
    class Duel(Env[Task]):
        seats = ("writer", "critic")
        max_turns = 4

        def tasks(self, split: str = "train") -> list[Task]:
            return [Task({})]

        async def start(self, task: Task) -> str:
            return "write"

        async def act(self, action: Action) -> str:
            if self.turn == 4:
                self.end(1.0)
            self.seat = "critic" if self.seat == "writer" else "writer"
            return f"for the {self.seat}"

        def _info(self) -> dict[str, Any]:
            return super()._info() | ({"rewards": {"writer": 0.5}} if self.turn == 4 else {})

    class Chatter(Agent):
        async def act(self, context: Context) -> Completion:
            return Completion(text="hm")

    episode = await run_episode(Duel(), Chatter(), Start(0))
    assert list(episode.trajectories) == ["writer", "critic"]
    writer, critic = episode.trajectories.values()
    assert [t.messages[-1].content for t in writer.turns] == ["write", "for the writer"]
    assert [t.messages[-1].content for t in critic.turns] == ["for the critic"] * 2
    assert (writer.reward, critic.reward) == (0.5, 1.0)


async def test_one_that_will_not_close_leaves_the_others_closed() -> None:
    made: list[Stubborn] = []

    class Stubborn(Guess):
        stopped = False

        async def start(self, task: Task) -> str:
            await asyncio.sleep(0)  # so that the others begin meanwhile
            return await super().start(task)

        async def stop(self) -> None:
            if self is made[0]:
                raise OSError("pipe gone")
            self.stopped = True

    def make() -> Stubborn:
        made.append(Stubborn())
        return made[-1]

    rollout = Rollout(make)
    result = await rollout.run([Start(seed=i) for i in range(4)], Solver())
    assert len(result.episodes) == len(made) == 4
    with pytest.raises(Fault, match="stop raised OSError: pipe gone"):
        await rollout.close()
    assert [env.stopped for env in made] == [False, True, True, True]


async def test_an_episode_says_how_long_it_waited_for_whom() -> None:
    class Slow(Guess):
        async def act(self, action: Action) -> Any:
            await asyncio.sleep(0.02)
            return await super().act(action)

    class Thinker(Solver):
        async def act(self, context: Context) -> Completion:
            await asyncio.sleep(0.05)
            return await super().act(context)

    episode = await run_episode(Slow(), Thinker(1), Start(0))
    assert episode.agent_s >= 2 * 0.05
    assert episode.env_s >= 2 * 0.02
    assert episode.agent_s + episode.env_s <= episode.wall_s


async def test_calls_of_an_agent_without_text_are_kept() -> None:
    episode = await run_episode(Guess(), Solver(1), Start(0))
    calls = [call for turn in episode.turns if turn.taken for call in turn.taken.tool_calls]
    assert [call.name for call in calls] == ["guess", "guess"]
    assert calls[1].arguments == {"number": episode.task.hidden["answer"]}


async def test_a_turn_keeps_the_name_of_the_state_it_acted_in() -> None:
    class Counting(Guess):
        async def start(self, task: Task) -> str:
            self.anchor = "tried 0"
            return await super().start(task)

        async def act(self, action: Action) -> Any:
            self.anchor = f"tried {self.turn}"
            return await super().act(action)

    episode = await run_episode(Counting(), Solver(2), Start(0))
    assert [turn.anchor for turn in episode.turns] == ["tried 0", "tried 1", "tried 2"]
    unnamed = await run_episode(Guess(), Solver(0), Start(0))
    assert [turn.anchor for turn in unnamed.turns] == [""]


async def test_a_thousand_that_wait_wait_together() -> None:
    waiting = 0
    go = asyncio.Event()

    class Slow(Guess):
        async def act(self, action: Action) -> Any:
            nonlocal waiting
            waiting += 1
            if waiting == 1000:
                go.set()  # nobody goes on before all are there
            await go.wait()
            return await super().act(action)

    rollout = Rollout(Slow, Limits(concurrency=1000))
    result = await rollout.run([Start(s) for s in range(1000)], Solver(0))
    await rollout.close()
    assert [e.score for e in result.episodes] == [1.0] * 1000


async def test_episodes_that_are_not_kept_are_seen_and_freed() -> None:
    seen: list[weakref.ref[Task]] = []  # an episode's task is its own, and lives as long
    scores: list[float] = []
    most = 0

    def see(episode: Episode) -> None:
        nonlocal most
        seen.append(weakref.ref(episode.task))
        most = max(most, sum(task() is not None for task in seen))
        scores.append(episode.score)

    rollout = Rollout(Guess, Limits(concurrency=4))
    result = await rollout.run([Start(s) for s in range(300)], Solver(0), see, keep=False)
    await rollout.close()
    assert scores == [1.0] * 300
    assert (result.episodes, result.quarantined) == ([], [])
    assert most <= 8  # those in flight, whatever has passed


async def test_a_world_that_fails_one_step_in_twenty(flaky: type[Flaky]) -> None:
    steps = faults = 0

    def breaks(task: Task) -> bool:
        nonlocal steps, faults
        steps += 1
        if steps % 20 == 0:
            faults += 1
            return True
        return False

    flaky.breaks = staticmethod(breaks)
    rollout = Rollout(flaky, Limits(concurrency=16, retries=3))
    starts = [Start(s, group=f"g{s}") for s in range(400)]
    result = await rollout.run(starts, Solver(2))
    calm = await Rollout(Guess).run(starts, Solver(2))
    assert faults >= 50
    assert result.faults == {"infra": faults}
    assert result.retried + 4 * len(result.quarantined) == faults
    assert len(result.episodes) + len(result.quarantined) == 400
    # What came through is what would have been without faults.
    scores = {e.id: (e.score, e.reward, len(e.turns)) for e in calm.episodes}
    assert all((e.score, e.reward, len(e.turns)) == scores[e.id] for e in result.episodes)
    await rollout.close()
    assert flaky.open == 0


async def test_faults_are_counted_by_kind() -> None:
    class Odd(Guess):
        async def act(self, action: Action) -> Any:
            await asyncio.sleep(0)
            if self.task.data["low"] % 3 == 0:
                raise Fault("browser gone", "infra")
            if self.task.data["low"] % 3 == 1:
                raise ZeroDivisionError
            return await super().act(action)

    result = await Rollout(Odd, Limits(retries=1, fault_rate=1.0)).run(
        [Start(s) for s in range(30)], Solver(0)
    )
    lost = [e.fault.partition(":")[0] for e in result.quarantined if e.fault]
    assert result.faults == {kind: 2 * lost.count(kind) for kind in ("infra", "env")}
    assert min(result.faults.values()) > 0


@pytest.mark.parametrize("where", ["start", "act", "tool", "stop"])
async def test_what_hangs_stalls_nobody_else(where: str) -> None:
    """One task's environment hangs in one place; all others play on and end meanwhile."""
    others: list[str] = []
    hung = asyncio.Event()

    async def hang() -> None:
        hung.set()
        await asyncio.sleep(3600)

    class Hangs(Guess):
        deadlines = Deadlines(reset=2.0, step=2.0 if where == "act" else 60.0, tool=0.3, close=0.3)
        bad = False

        async def start(self, task: Task) -> str:
            self.bad = task is hanging
            if self.bad and where == "start":
                await hang()
            return await super().start(task)

        async def act(self, action: Action) -> Any:
            if self.bad and where == "act":
                await hang()
            if self.bad and where == "stop":
                raise Fault("gone")  # so that it is closed
            return await super().act(action)

        @tool
        async def guess(self, number: int) -> str:
            """Say a number.

            Args:
                number: The number.
            """
            if self.bad and where == "tool":
                await hang()
            self.end(1.0)
            return "Right."

        async def stop(self) -> None:
            if self.bad and where == "stop":
                await hang()

    hanging = Task({"low": 0}, {"answer": 1})

    def ended(episode: Episode) -> None:
        if episode.task is not hanging:
            others.append("before" if not episodes_hung else "after")
        else:
            episodes_hung.append(len(others))

    episodes_hung: list[int] = []
    starts = [Start(0, hanging, group="hangs"), *(Start(s, group=f"g{s}") for s in range(1, 60))]
    rollout = Rollout(Hangs, Limits(concurrency=8, retries=0, episode_s=60))
    result = await asyncio.wait_for(rollout.run(starts, Solver(0), ended), 60)
    assert hung.is_set()
    assert len(others) == 59
    assert episodes_hung == [59]  # it was the last to be through: the others did not wait for it
    if where == "tool":
        assert not result.quarantined
        texts = [m.content for t in result.episodes[0].turns for m in t.messages]
        assert any("timed out" in text for text in texts)
    else:
        assert [e.task for e in result.quarantined] == [hanging]
    await rollout.close()


# --- starts played again ------------------------------------------------------------------------


async def test_a_second_attempt_has_an_id_and_seeds_of_its_own() -> None:
    first, second = Start(3, group="g", member=1), Start(3, group="g", member=1, attempt=1)
    assert (first.id, second.id) == ("g/1", "g/1+1")
    assert first.sampling_seed("agent", 0) != second.sampling_seed("agent", 0)


async def test_an_episode_says_its_role_and_its_guide() -> None:
    start = Start(3, role="guided", guided_by="level:2", guidance=(hint("Halve it."),))
    [episode] = (await Rollout(Guess).run([start], Solver())).episodes
    assert (episode.role, episode.guided_by) == ("guided", "level:2")


async def test_hints_are_asked_for_an_attempt() -> None:
    asked: list[Episode] = []

    class Hinting(Guess):
        def hints(self, attempt: Any = None) -> Sequence[str]:
            asked.append(attempt)
            return (f"It is near {self.task.hidden['answer']}.",)

    rollout = Rollout(Hinting)
    [episode] = (await rollout.run([Start(3)], Solver())).episodes
    assert await rollout.hints(episode) == (f"It is near {episode.task.hidden['answer']}.",)
    assert asked == [episode]
    await rollout.close()


async def test_given_actions_are_played_and_not_trained() -> None:
    [whole] = (await Rollout(Guess).run([Start(5)], Solver(misses=2))).episodes
    given = tuple(turn.taken for turn in whole.turns[:2] if turn.taken is not None)
    [rest] = (await Rollout(Guess).run([Start(5, prefix_actions=given)], Solver(misses=0))).episodes
    assert [t.taken for t in rest.turns] == [t.taken for t in whole.turns]
    assert [t.reward for t in rest.turns] == [t.reward for t in whole.turns]
    assert [t.messages for t in rest.turns] == [t.messages for t in whole.turns]


# --- streams ------------------------------------------------------------------------------------


async def test_a_stream_gives_whole_groups_as_they_end() -> None:
    class Waiting(Solver):
        async def act(self, context: Context) -> Completion:
            if context.group == "a":
                await slow.wait()
            return await super().act(context)

    slow = asyncio.Event()
    groups = [[Start(i, group=name, member=i) for i in range(3)] for name in "abc"]
    seen = []
    async for episodes in Rollout(Guess, Limits(concurrency=4)).stream(groups, Waiting()):
        seen.append([episode.id for episode in episodes])
        if len(seen) == 2:
            slow.set()
    assert sorted(seen[:2]) == [[f"{name}/{i}" for i in range(3)] for name in "bc"]
    assert seen[2] == ["a/0", "a/1", "a/2"]


async def test_a_stream_takes_groups_as_there_is_room() -> None:
    taken: list[int] = []

    async def groups() -> AsyncIterator[list[Start]]:
        for i in range(6):
            taken.append(i)
            yield [Start(i, group=str(i), member=m) for m in range(2)]

    class Waiting(Solver):
        async def act(self, context: Context) -> Completion:
            acted.set()
            await go.wait()
            return await super().act(context)

    acted, go = asyncio.Event(), asyncio.Event()
    stream = Rollout(Guess, Limits(concurrency=2)).stream(groups(), Waiting())
    first = asyncio.ensure_future(anext(stream))
    await acted.wait()
    assert taken == [0, 1]  # the second waits for room
    go.set()
    assert [e.group for e in await first] == ["0", "0"]
    await stream.aclose()


async def test_a_stream_leaves_out_what_broke(flaky: type[Flaky]) -> None:
    result = RolloutResult()
    groups = [[Start(i, group=str(i), member=m) for m in range(2)] for i in range(4)]
    bad = await task_of(Flaky, 2)
    flaky.breaks = staticmethod(lambda task: task == bad)
    rollout = Rollout(flaky, Limits(retries=1))
    sizes = [len(group) async for group in rollout.stream(groups, Solver(), result)]
    await rollout.close()
    assert sorted(sizes) == [0, 2, 2, 2]
    assert (len(result.quarantined), flaky.open) == (2, 0)


async def test_a_stream_raises_what_an_agent_raises() -> None:
    class Broken(Agent):
        async def act(self, context: Context) -> Completion:
            raise RuntimeError("no server")

    with pytest.raises(RuntimeError, match="no server"):
        async for _ in Rollout(Guess).stream([[Start(0)]], Broken()):
            pass


@pytest.mark.parametrize("ticks", range(12))
async def test_a_stream_cut_at_any_moment_leaves_no_caller_behind(ticks: int) -> None:
    """An engine that waits for its callers would wait for ever."""

    class Counted(Hanging):
        callers = 0

        def join(self, callers: int) -> None:
            self.callers += callers

        def leave(self) -> None:
            self.callers -= 1

    agent = Counted()
    groups = [[Start(i, group=str(i), member=m) for m in range(3)] for i in range(2)]
    stream = Rollout(Guess, Limits(concurrency=4)).stream(groups, agent)
    first = asyncio.ensure_future(anext(stream))
    for _ in range(ticks):
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await stream.aclose()
    assert agent.callers == 0


# --- agents by seat -----------------------------------------------------------------------------


async def test_a_seat_without_an_agent_is_named() -> None:
    with pytest.raises(UsageError, match="no agent for seat 'agent'"):
        await Rollout(Guess).run([Start(0)], {"critic": Solver()})


async def task_of(make: Any, seed: int) -> Task:
    env = make()
    await env.reset(seed=seed)
    await env.close()
    return env.task
