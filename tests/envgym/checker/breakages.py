"""README's environment, broken: one class for each mistake that authors make.

Each breaks one thing and leaves the rest to `super()`, so that they also break together.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from envgym.deadlines import Deadlines
from envgym.messages import Action, user
from envgym.task import Task, TaskSource
from envgym.tools import tool
from tests.envgym.checker.readme_world import GuessNumber

_LONG_S = 3600  # longer than the checks take on any machine: what is left is there until the end


class Unlabelled(GuessNumber):
    def tasks(self, split: str = "train") -> Any:
        return TaskSource.rows([Task(t.data, t.hidden) for t in super().tasks(split)])


class NoJson(GuessNumber):
    def tasks(self, split: str = "train") -> Any:
        rows = [Task({**t.data, "primes": {2, 3}}, t.hidden, split) for t in super().tasks(split)]
        return TaskSource.rows(rows)


class Overlapping(GuessNumber):
    def tasks(self, split: str = "train") -> Any:
        return TaskSource.rows([Task(t.data, t.hidden, split) for t in super().tasks("train")])


class Lost(GuessNumber):
    async def oracle(self) -> AsyncIterator[Action]:
        for number in range(self.max_turns):
            yield Action.call("guess", number=-number)


class Generous(GuessNumber):
    def partial_score(self) -> float:
        return 0.1


class Refuted(GuessNumber):
    """Takes for wrong what its judge accepts."""

    def near_misses(self) -> Any:
        number = self.task.hidden["number"]
        return [[Action.call("guess", number=n)] for n in (number + 1, number)]


class Careless(GuessNumber):
    def near_misses(self) -> Any:
        return [[Action.call("guess", number="seven")]]


class MindReader(GuessNumber):
    """Reads its answer anywhere in a message."""

    async def act(self, action: Action) -> Any:
        found = re.search(r"\\boxed\{(\d+)\}", action.text)
        if found and int(found[1]) == self.task.hidden["number"]:
            self.end(score=1.0)
            return "Right."
        return await super().act(action)


class Forgetful(GuessNumber):
    """Keeps of a call what its tools know, as `**kwargs` filters do."""

    @tool
    async def rest(self, turns: int | None = None) -> str:
        """Do nothing for some turns."""
        return f"You rested {turns or 1} turns."

    async def act(self, action: Action) -> Any:
        known = {t.name: t.arguments.model_fields for t in self.tools}
        calls = [
            call
            if call.arguments is None
            else replace(
                call,
                arguments={
                    k: v for k, v in call.arguments.items() if k in known.get(call.name, ())
                },
            )
            for call in action.tool_calls
        ]
        return await super().act(Action(action.text, tuple(calls)))


class NoNumber(GuessNumber):
    async def act(self, action: Action) -> Any:
        self.add_reward(float("nan"))
        return await super().act(action)


class HalfCharacter(GuessNumber):
    async def start(self, task: Task) -> str:
        return f"{await super().start(task)} \ud83c"


class Unwritable(GuessNumber):
    async def oracle(self) -> AsyncIterator[Action]:
        async for action in super().oracle():
            (call,) = action.tool_calls
            yield Action.call("guess", number=Decimal(call.arguments["number"]))


class Growing(GuessNumber):
    @tool
    async def guess(self, number: int) -> str:
        """Guess the number."""
        self.max_turns += 1
        return await super().guess(number)


class HalfDeaf(GuessNumber):
    """Reads the first call of a message only, as many text games do."""

    async def act(self, action: Action) -> Any:
        return await super().act(Action(action.text, action.tool_calls[:1]))


class Clockwork(GuessNumber):
    async def start(self, task: Task) -> str:
        return f"{await super().start(task)} It is {time.perf_counter_ns()}."


class Stale(GuessNumber):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.said: list[int] = []

    @tool
    async def guess(self, number: int) -> str:
        """Guess the number."""
        self.said.append(number)
        return f"{await super().guess(number)} You said: {self.said}."


class Communal(GuessNumber):
    """Counts in the class, from 0 in every episode."""

    guesses = 0

    async def start(self, task: Task) -> str:
        Communal.guesses = 0
        return await super().start(task)

    @tool
    async def guess(self, number: int) -> str:
        """Guess the number."""
        Communal.guesses += 1
        return f"{await super().guess(number)} Guess {Communal.guesses}."


class SeedDropped(GuessNumber):
    async def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        return await super().reset(seed=0, options=options)


class Reseeding(GuessNumber):
    async def start(self, task: Task) -> str:
        random.seed(task.data["top"])
        return await super().start(task)


class SideTable(GuessNumber):
    def tasks(self, split: str = "train") -> Any:
        source = super().tasks(split)
        self.tops = {task.key: task.data["top"] for task in source}
        return source

    async def start(self, task: Task) -> str:
        assert self.tops[task.key] == 100
        return await super().start(task)


class Chatty(GuessNumber):
    """Has something to say to a text beside the call, which its oracle never writes."""

    async def act(self, action: Action) -> Any:
        answers = list(await super().act(action))
        return [*answers, user("Do not talk.")] if action.text else answers


class ClosedOnce(GuessNumber):
    async def close(self) -> None:
        if self._phase == "closed":
            raise RuntimeError("closed already")
        await super().close()


class Obliging(GuessNumber):
    """Goes on giving the last result after the end."""

    async def step(self, action: Action) -> Any:
        if self._phase != "over":
            self.last = await super().step(action)
        return self.last if self._phase == "over" else await self._seen()

    async def _seen(self) -> Any:
        return self.last


class Stubborn(GuessNumber):
    @tool
    async def guess(self, number: int) -> str:
        """Guess the number."""
        try:
            await asyncio.sleep(0)
        except BaseException:
            return "Something went wrong."
        return await super().guess(number)


class Busy(GuessNumber):
    busy = False

    async def start(self, task: Task) -> str:
        return await super().start(task) + (" One moment, please." if self.busy else "")

    @tool
    async def guess(self, number: int) -> str:
        """Guess the number."""
        self.busy = True
        await asyncio.sleep(0)
        self.busy = False
        return await super().guess(number)


class Outlived(GuessNumber):
    """A call that is cut leaves its process running, as timeouts of many sandboxes do."""

    started: list[asyncio.subprocess.Process] = []  # noqa: RUF012  (to end them at last)

    @classmethod
    def clean_up(cls) -> None:
        for process in cls.started:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, 9)
        cls.started.clear()

    @tool
    async def guess(self, number: int) -> str:
        """Guess the number."""
        process = await asyncio.create_subprocess_exec("sleep", "600")
        self.started.append(process)
        await asyncio.sleep(0.001)
        process.kill()
        await process.wait()
        return await super().guess(number)


class Timeless(GuessNumber):
    deadlines = Deadlines(step=None)


class Swallowing(GuessNumber):
    async def act(self, action: Action) -> Any:
        try:
            return await super().act(action)
        except BaseException:
            return "Something went wrong."


class Blocking(GuessNumber):
    slept: Any = None

    @tool
    async def guess(self, number: int) -> str:
        """Guess the number."""
        if self.slept is not self.rng:  # once an episode: each has a generator of its own
            self.slept = self.rng
            time.sleep(0.12)  # noqa: ASYNC251  (the mistake)
        return await super().guess(number)


class Left(GuessNumber):
    """Leaves something behind in every episode; `clean_up` takes it away again."""

    left: list[Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.left = []

    @classmethod
    def clean_up(cls) -> None:
        while cls.left:
            cls.end_of(cls.left.pop())

    @staticmethod
    def take() -> Any:
        raise NotImplementedError

    @staticmethod
    def end_of(thing: Any) -> None:
        raise NotImplementedError

    async def start(self, task: Task) -> str:
        self.left.append(self.take())
        return await super().start(task)


class LeftTask(Left):
    @staticmethod
    def take() -> Any:
        return asyncio.create_task(asyncio.sleep(_LONG_S))

    @staticmethod
    def end_of(thing: Any) -> None:
        if not thing.get_loop().is_closed():
            thing.cancel()


class LeftThread(Left):
    @staticmethod
    def take() -> Any:
        let_go = threading.Event()
        threading.Thread(target=let_go.wait, args=(_LONG_S,), daemon=True).start()
        return let_go

    @staticmethod
    def end_of(thing: Any) -> None:
        thing.set()


class LeftProcess(Left):
    @staticmethod
    def take() -> Any:
        return subprocess.Popen(["sleep", str(_LONG_S)])

    @staticmethod
    def end_of(thing: Any) -> None:
        thing.kill()
        thing.wait()


class LeftFile(Left):
    @staticmethod
    def take() -> Any:
        return os.open("/dev/null", os.O_RDONLY)

    @staticmethod
    def end_of(thing: Any) -> None:
        os.close(thing)


class Debugging(GuessNumber):
    async def start(self, task: Task) -> str:
        return f"{await super().start(task)} (debug: {task.hidden})"


class GivenAway(GuessNumber):
    """Shows a number of two digits: no search for a string would take it for a secret."""

    async def start(self, task: Task) -> str:
        return f"{await super().start(task)} Not that it is {task.hidden['number']}!"


class Telling(GuessNumber):
    def hints(self, attempt: Any = None) -> Sequence[str]:
        return (f"Try {self.task.hidden['number']}.",) if attempt else ("Halve the range.",)


class Repeating(GuessNumber):
    def hints(self, attempt: Any = None) -> Sequence[str]:
        return ("Halve the range.",) * 2


class Remembering(GuessNumber):
    """Gives hints on what this instance was last told, whatever the attempt."""

    said = 0

    async def act(self, action: Action) -> Any:
        self.said += 1
        return await super().act(action)

    def hints(self, attempt: Any = None) -> Sequence[str]:
        return (f"You said {self.said} things: halve the range.",)


class Trusting(GuessNumber):
    def hints(self, attempt: Any = None) -> Sequence[str]:
        return (f"You took {len(attempt.turns)} turns.",) if attempt else ()
