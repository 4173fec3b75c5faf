"""Seeds, turns, ends, phases and faults of the environment's base class."""

from __future__ import annotations

import asyncio
import json
import math

import numpy as np
import pytest

from envgym.deadlines import Deadlines
from envgym.env import Env, EnvSpec, StepResult
from envgym.errors import Fault, UsageError
from envgym.messages import Action, Observation, user
from envgym.registry import make
from envgym.stop_reason import StopReason
from envgym.task import Task, TaskSource
from tests.envgym.worlds import Guess, right, wrong


class Stage(Env[Task]):
    """Does in act() what the action's text says."""

    max_turns = 3

    def tasks(self, split: str = "train") -> TaskSource:
        return TaskSource(3, lambda i: Task({"i": i}, split=split))

    async def start(self, task: Task) -> str:
        if task.data.get("hang"):
            await asyncio.sleep(60)
        return f"begin {task.data['i']}"

    async def act(self, action: Action) -> str | list[object] | Observation:
        match action.text:
            case "hang":
                await asyncio.sleep(60)
            case "raise":
                raise KeyError("oops")
            case "infra":
                raise Fault("sandbox gone")
            case "overscore":
                self.end(1.5)
            case "shape":
                self.add_reward(0.25)
                self.end(0.5)
            case "numpy":
                self.metrics = {"mean": np.float32(0.5), "count": np.int64(3)}
                self.add_reward(np.float32(0.25))
                self.end(np.float64(1.0), reward=np.float32(0.5))
            case "unrewarded":
                self.end(1.0, reward=0.0, stop=StopReason.OPPONENT)
            case "name":
                self.anchor = "room 2"
            case "messages":
                return [user("a"), user("b")]
            case "replace":
                return Observation((user("summary"),), replace_from=1)
        return "ok"


async def test_numpys_numbers_become_pythons() -> None:
    env = Stage()
    await env.reset(seed=0)
    step = await env.step(Action("numpy"))
    assert (step.reward, step.info["score"]) == (0.75, 1.0)
    assert type(step.reward) is float
    assert json.dumps(step.info["metrics"]) == '{"mean": 0.5, "count": 3}'


async def test_same_seed_same_episode_and_the_stream_goes_on() -> None:
    a, b = Guess(), Guess()
    first = [(await a.reset(seed=7))[0], (await a.reset())[0], (await a.reset())[0]]
    again = [(await b.reset(seed=7))[0], (await b.reset())[0], (await b.reset())[0]]
    assert first == again
    assert len({o.text for o in first}) == 3


async def test_seeds_and_ids_have_streams_of_their_own() -> None:
    env = Guess()
    texts = {(await env.reset(seed=s))[0].text for s in range(20)}
    env.spec = EnvSpec("other/guess-v0")
    texts |= {(await env.reset(seed=s))[0].text for s in range(20)}
    assert len(texts) == 40


async def test_options_choose_the_task() -> None:
    env = Guess()
    await env.reset(options={"split": "test", "index": 3})
    assert env.task == env.tasks("test")[3]
    own = Task({"low": 5}, {"answer": 6})
    await env.reset(options={"task": own})
    assert env.task is own
    with pytest.raises(UsageError, match="no task 50"):
        await env.reset(options={"index": 50})
    with pytest.raises(UsageError, match="unknown reset options"):
        await env.reset(options={"indx": 1})


async def test_the_origin_of_a_task() -> None:
    env = Guess()
    await env.reset(seed=0)
    assert env.origin is not None
    split, index = env.origin
    assert env.tasks(split)[index] == env.task
    await env.reset(options={"split": "test", "index": 4})
    assert env.origin == ("test", 4)
    await env.reset(options={"task": env.task})
    assert env.origin is None


async def test_the_info_and_the_end() -> None:
    env = Guess()
    _, info = await env.reset(seed=0)
    assert info == {"score": 0.0, "metrics": {}, "turn": 0, "seat": "agent"}
    step = await env.step(wrong(env))
    assert (step.reward, step.done, step.info["turn"]) == (-0.125, False, 1)
    assert "stop_reason" not in step.info
    last = await env.step(right(env))
    assert (last.reward, last.terminated, last.truncated) == (1.0, True, False)
    assert last.info["score"] == 1.0
    assert last.info["stop_reason"] is StopReason.ANSWERED


async def test_a_state_is_named_where_the_author_names_it() -> None:
    env = Stage()
    assert "anchor" not in (await env.reset(seed=0))[1]
    assert "anchor" not in (await env.step(Action("stay"))).info
    assert (await env.step(Action("name"))).info["anchor"] == "room 2"
    assert "anchor" not in (await env.reset(seed=0))[1]


async def test_infos_given_out_do_not_change() -> None:
    env = Guess()
    await env.reset(seed=0)
    first = await env.step(wrong(env))
    await env.step(wrong(env))
    assert first.info["metrics"] == {"tool_calls": 1.0, "tool_errors": 0.0}


async def test_score_and_reward_are_apart() -> None:
    env = Stage()
    await env.reset(seed=0)
    step = await env.step(Action("shape"))
    assert (step.reward, step.info["score"]) == (0.75, 0.5)
    await env.reset(seed=0)
    step = await env.step(Action("unrewarded"))
    assert (step.reward, step.info["score"]) == (0.0, 1.0)
    assert step.info["stop_reason"] is StopReason.OPPONENT


@pytest.mark.parametrize("score", [1.5, -0.1, math.nan])
async def test_a_score_out_of_range_is_refused(score: float) -> None:
    env = Stage()
    await env.reset(seed=0)
    with pytest.raises(UsageError, match=r"score must be in \[0, 1\]"):
        env.end(score)


async def test_turns_run_out() -> None:
    class Half(Stage):
        def partial_score(self) -> float:
            return 0.5

    env = Half(max_turns=2)
    await env.reset(seed=0)
    assert not (await env.step(Action())).done
    step = await env.step(Action())
    assert (step.truncated, step.terminated, step.reward) == (True, False, 0.0)
    assert (step.info["score"], step.info["stop_reason"]) == (0.5, StopReason.MAX_TURNS)


async def test_ending_in_the_last_turn_is_termination() -> None:
    env = Stage(max_turns=1)
    await env.reset(seed=0)
    step = await env.step(Action("shape"))
    assert (step.terminated, step.truncated) == (True, False)


async def test_what_authors_return_becomes_an_observation() -> None:
    env = Stage(max_turns=9)
    observation, _ = await env.reset(seed=0, options={"index": 2})
    assert observation == Observation((user("begin 2"),))
    assert (await env.step(Action("messages"))).observation.text == "a\nb"
    assert (await env.step(Action("replace"))).observation.replace_from == 1


async def test_wrong_order_is_refused() -> None:
    env = Stage()
    with pytest.raises(UsageError, match="reset first"):
        await env.step(Action())
    await env.reset(seed=0)
    await env.step(Action("shape"))
    with pytest.raises(UsageError, match="over"):
        await env.step(Action())
    await env.close()
    await env.close()
    with pytest.raises(UsageError, match="closed"):
        await env.reset()
    with pytest.raises(UsageError, match="closed"):
        await env.step(Action())


async def test_stop_is_called_once() -> None:
    calls: list[int] = []

    class Counted(Stage):
        async def stop(self) -> None:
            calls.append(1)

    async with Counted() as env:
        await env.close()
    assert calls == [1]


@pytest.mark.parametrize(("text", "kind"), [("raise", "env"), ("infra", "infra")])
async def test_what_breaks_is_a_fault_and_ends_the_episode(text: str, kind: str) -> None:
    env = Stage()
    await env.reset(seed=0)
    with pytest.raises(Fault) as caught:
        await env.step(Action(text))
    assert caught.value.kind == kind
    with pytest.raises(UsageError, match="broken"):
        await env.step(Action())
    await env.reset(seed=0)
    await env.step(Action())


async def test_a_hung_step_meets_its_deadline() -> None:
    env = Stage()
    env.deadlines = Deadlines(reset=0.02, step=0.02)
    await env.reset(seed=0)
    with pytest.raises(Fault, match=r"act passed its deadline of 0\.02 s"):
        await env.step(Action("hang"))
    with pytest.raises(Fault, match="start passed its deadline"):
        await env.reset(options={"task": Task({"i": 0, "hang": True})})
    with pytest.raises(UsageError):
        await env.step(Action())


async def test_a_hung_close_meets_its_deadline_once() -> None:
    class Clinging(Guess):
        async def stop(self) -> None:
            await asyncio.sleep(60)

    env = Clinging()
    env.deadlines = Deadlines(close=0.01)
    with pytest.raises(Fault, match=r"stop passed its deadline of 0\.01 s"):
        await env.close()
    await env.close()


async def test_a_cancelled_step_leaves_nothing_to_step() -> None:
    env = Stage()
    await env.reset(seed=0)
    step = asyncio.create_task(env.step(Action("hang")))
    await asyncio.sleep(0.01)
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    with pytest.raises(UsageError, match="broken"):
        await env.step(Action())
    observation, _ = await env.reset(seed=0)
    assert observation.text.startswith("begin")


async def test_hooks_that_are_missing_say_so() -> None:
    env: Env[Task] = Env()
    with pytest.raises(UsageError, match="define tasks"):
        await env.reset(seed=0)
    with pytest.raises(UsageError, match="oracle"):
        env.oracle()
    with pytest.raises(UsageError, match="max_turns"):
        Env(max_turns=0)


def test_spec_and_step_result() -> None:
    assert EnvSpec("a/b-v12").version == 12
    assert StepResult(Observation(), 0.0, False, True, {}).done


def test_what_needs_an_episode_says_so_before_the_first_reset() -> None:
    env = Guess()
    with pytest.raises(UsageError, match="no episode yet: call reset first"):
        _ = env.ended
    with pytest.raises(UsageError, match="no task yet: call reset first"):
        _ = env.task


@pytest.mark.parametrize("id", ["code/python-v1", "code/reason-v1", "search/wiki-v1"])
def test_hints_before_the_first_reset_are_a_usage_error(id: str) -> None:
    with pytest.raises(UsageError, match="no task yet: call reset first"):
        make(id).hints()
