"""A sound environment passes; each way of being broken is found and its fix named."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from envgym.checker import CHECKS, check, check_id
from envgym.checker.report import Finding
from envgym.env import Env
from envgym.errors import Fault
from envgym.messages import Action, Message, Observation
from envgym.resources import Shared
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool

WORDS = ("heron", "walnut", "lantern", "glacier", "saffron", "thicket", "cobalt", "meadow")


class Password(ToolEnv[Task]):
    """Sound: say the word that the safe shows once it was opened with the key."""

    max_turns = 5

    def tasks(self, split: str = "train") -> Sequence[Task]:
        def make(rng: random.Random) -> Task:
            key = rng.randrange(10**9)
            return Task({"key": key}, {"answer": rng.choice(WORDS)}, split)

        return TaskSource.generated(make, size=40, seed=split)

    async def start(self, task: Task) -> str:
        self.open = False
        return f"The key is {task.data['key']}. Room {self.rng.randrange(100)}."

    @tool(parallel=True)
    async def unlock(self, key: int) -> str:
        """Open the safe."""
        self.open = self.open or key == self.task.data["key"]
        return self.task.hidden["answer"] if self.open else "It stays shut."

    @tool
    async def say(self, word: str) -> str:
        """Say the word."""
        self.end(float(word == self.task.hidden["answer"]))
        return "Noted."

    async def oracle(self) -> AsyncIterator[Action]:
        yield Action.call("unlock", key=self.task.data["key"])
        yield Action.call("say", word=self.task.hidden["answer"])

    def hints(self, attempt: Any = None) -> Sequence[str]:
        return ("The key opens the safe.",)


class Lost(Password):
    async def oracle(self) -> AsyncIterator[Action]:
        yield Action.call("say", word="heron")


class Gullible(Password):
    def partial_score(self) -> float:
        return 0.25


class Fragile(Password):
    async def act(self, action: Action) -> Any:
        if any(call.error for call in action.tool_calls):
            raise ValueError("cannot parse")
        return await super().act(action)


class Forgetful(Password):
    async def act(self, action: Action) -> Any:
        messages = list(await super().act(action))
        return messages[:1]


class Swapped(Password):
    async def act(self, action: Action) -> Any:
        return list(reversed(list(await super().act(action))))


class Dicey(Password):
    async def start(self, task: Task) -> str:
        return f"{await super().start(task)} {random.random()}"


class Communal(Password):
    """Keeps an episode's state in the class."""

    steps = 0

    async def start(self, task: Task) -> str:
        Communal.steps = 0
        return await super().start(task)

    async def act(self, action: Action) -> Any:
        Communal.steps += 1
        await asyncio.sleep(0)
        return [*(await super().act(action)), Message("user", f"step {Communal.steps}")]


class Stale(Password):
    """Does not set its state in start()."""

    def __init__(self) -> None:
        super().__init__()
        self.open = False

    async def start(self, task: Task) -> str:
        return "The safe is open." if self.open else "The safe is shut."


class Leaky(Password):
    async def start(self, task: Task) -> str:
        return f"{await super().start(task)} Do not say {task.hidden['answer'].upper()}!"


class Talkative(Password):
    def hints(self, attempt: Any = None) -> Sequence[str]:
        return (f"It is {self.task.hidden['answer']}.",) if attempt else ()


class Hoarder(Password):
    def __init__(self) -> None:
        super().__init__()
        self.index = Shared("test/hoard", list)
        self.worker: Any = None

    async def start(self, task: Task) -> str:
        self.worker = asyncio.create_task(asyncio.sleep(3600))  # beyond any test
        return await super().start(task)


class Mixed(Password):
    def tasks(self, split: str = "train") -> Sequence[Task]:
        return TaskSource.generated(
            lambda r: Task({"key": r.randrange(9)}, {"answer": "x"}), size=9
        )


class Moody(Password):
    def tasks(self, split: str = "train") -> Sequence[Task]:
        return TaskSource(
            5, lambda i: Task({"key": random.random()}, {"answer": "x", "when": {1}}, split)
        )


class Clingy(Password):
    async def close(self) -> None:
        if self._phase == "closed":
            raise RuntimeError("closed already")
        await super().close()


class Free(Password):
    """Overrides step(), and with it all that step() sees to."""

    async def step(self, action: Action) -> Any:
        result = await super().step(action) if self._phase == "running" else None
        if result is None:
            return None
        return result._replace(reward=float("nan"), info={"score": 2.0})


def failed(findings: Sequence[Finding]) -> set[str]:
    return {finding.check for finding in findings}


async def test_a_sound_environment_passes() -> None:
    report = await check(Password)
    assert report.ok, str(report)
    assert [f.check for f in report.findings] == [c.__name__ for c in CHECKS]


@pytest.mark.parametrize(
    ("env", "check_name", "said"),
    [
        (Lost, "oracle_scores_one", "score 0.0"),
        (Gullible, "nothing_scores_zero", "doing nothing scores 0.25"),
        (Fragile, "malformed_actions_never_crash", "a broken call: step raised Fault"),
        (Forgetful, "malformed_actions_never_crash", "50 calls"),
        (Swapped, "malformed_actions_never_crash", "results with ids"),
        (Dicey, "same_seed_same_episode", "first observations differ"),
        (Communal, "same_seed_same_episode_in_company", "observation differs"),
        (Stale, "same_seed_same_episode_on_reuse", "'The safe is open"),
        (Leaky, "hidden_stays_hidden", "the first observation shows"),
        (Talkative, "hints_do_not_tell", "a hint holds the gold"),
        (Hoarder, "nothing_is_left_open", "holds on shared resources"),
        (Hoarder, "nothing_is_left_open", "asyncio tasks"),
        (Mixed, "splits_are_disjoint", "is a task of train too"),
        (Mixed, "tasks_are_repeatable", "its split is 'train'"),
        (Moody, "tasks_are_repeatable", "differs when it is read again"),
        (Moody, "tasks_are_json", "does not survive JSON"),
        (Clingy, "close_twice", "closed already"),
        (Free, "results_are_well_formed", "info lacks"),
        (Free, "wrong_order_is_refused", "is accepted"),
    ],
)
async def test_a_broken_one_is_found(env: type[Password], check_name: str, said: str) -> None:
    chosen = [c for c in CHECKS if c.__name__ == check_name]
    report = await check(env, checks=chosen)
    assert not report.ok
    assert any(said in finding.message for finding in report.failures), str(report)
    assert all(finding.fix for finding in report.failures)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def test_one_broken_in_many_ways_fails_many_checks() -> None:
    class Rotten(Leaky, Talkative, Gullible, Fragile, Dicey):
        async def oracle(self) -> AsyncIterator[Action]:
            raise Fault("no expert today")
            yield Action()

    report = await check(Rotten, episodes=2)
    assert failed(report.failures) >= {
        "oracle_scores_one",
        "nothing_scores_zero",
        "malformed_actions_never_crash",
        "same_seed_same_episode",
        "hidden_stays_hidden",
        "hints_do_not_tell",
    }
    assert "close_twice" not in failed(report.failures)
    assert "no expert today" in str(report)


async def test_a_bare_environment_is_checked_too() -> None:
    class Echo(Env[Task]):
        max_turns = 3

        def tasks(self, split: str = "train") -> Sequence[Task]:
            return TaskSource.generated(
                lambda r: Task({"say": f"{r.random()}"}, split=split), size=9, seed=split
            )

        async def start(self, task: Task) -> Observation:
            return Observation((Message("user", f"Say {task.data['say']}"),))

        async def act(self, action: Action) -> str:
            if action.text == self.task.data["say"]:
                self.end(1.0)
            return "no"

        async def oracle(self) -> AsyncIterator[Action]:
            yield Action(self.task.data["say"])

    report = await check(Echo)
    assert report.ok, str(report)


async def test_the_report_is_json() -> None:
    report = await check(Lost, episodes=1)
    row = json.loads(json.dumps(report.to_json()))
    assert (row["env"], row["ok"]) == ("lost-v0", False)
    assert {f["check"] for f in row["findings"]} == {c.__name__ for c in CHECKS}
    assert "fix:" in str(report)


async def test_a_registered_one_passes() -> None:
    report = await check_id("search/wiki-v1", size=60, episodes=2)
    assert report.ok, str(report)
