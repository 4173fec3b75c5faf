"""An environment that does what it is told to: wait, break, answer oddly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, ClassVar

from envgym.deadlines import Deadlines
from envgym.env import Content, Env
from envgym.errors import EnvgymError, Fault, ToolError, UsageError
from envgym.messages import Action, Message, Observation, hint, user
from envgym.task import Task, TaskSource

ERRORS: dict[str, Exception] = {
    "infra": Fault("the sandbox is gone", "infra"),
    "env": Fault("a bug", "env"),
    "model": Fault("no answer", "model"),
    "usage": UsageError("so it cannot be"),
    "tool": ToolError("the tool says no"),
    "base": EnvgymError("something of ours"),
    "other": ZeroDivisionError("by zero"),
}


class Odd(Env[Task]):
    """See `act`."""

    max_turns = 6
    deadlines = Deadlines(reset=5.0, step=5.0, tool=4.0, close=5.0)
    seats = ("left", "right")
    live: ClassVar[int] = 0
    waiting: ClassVar[int] = 0
    cancelled: ClassVar[int] = 0

    def __init__(self, *, size: int = 100, judge: Any = None) -> None:
        super().__init__()
        if size > 1000:
            raise ValueError("too large")
        self._size = size
        type(self).live += 1

    def tasks(self, split: str = "train") -> TaskSource:
        if split not in ("train", "test"):
            raise UsageError(f"no split {split!r}")
        return TaskSource.generated(
            lambda rng: Task(
                {"n": rng.randrange(10**6)}, {"secret": f"gold {rng.random()}"}, split
            ),
            size=self._size,
            seed=split,
        )

    async def start(self, task: Task) -> Content:
        return [user(f"n is {task.data['n']}"), hint(f"luck {self.rng.random()}")]

    async def act(self, action: Action) -> Content:
        do, _, what = action.text.partition(" ")
        if do == "wait":
            type(self).waiting += 1
            try:
                await asyncio.sleep(float(what))
            except asyncio.CancelledError:
                type(self).cancelled += 1
                raise
            finally:
                type(self).waiting -= 1
        elif do == "raise":
            raise ERRORS[what]
        elif do == "replace":
            return Observation((user("anew"),), replace_from=0)
        elif do == "metric":
            self.metrics["m"] = object() if what == "object" else float(what)  # type: ignore
        elif do == "anchor":
            self.anchor = what
        elif do == "huge":
            return "x" * int(what)
        elif do == "end":
            self.end(float(what), reward=3)
        elif do == "other":
            self.seat = "right"
        elif do == "half":
            return Message("tool", "\ud800", "critic", tool_call_id="7", name="t")
        return f"you said {action.text!r} with {list(action.tool_calls)}"

    async def stop(self) -> None:
        type(self).live -= 1

    def partial_score(self) -> float:
        return self.turn / 10

    async def oracle(self) -> AsyncIterator[Action]:
        yield Action("end 0.5")

    def near_misses(self) -> Iterator[Sequence[Action]]:
        yield [Action(f"end 0.{self.task.data['n']}")]
        yield [Action.call("no_such", n=None), Action("end 0")]

    def hints(self, attempt: Any = None) -> Sequence[str]:
        if attempt is None:
            return ("look", f"at {self.task.data['n']}")
        turns = attempt.turns
        said = [turn.taken.text for turn in turns]
        return (f"{len(turns)} turns: {said}, {attempt.task.hidden['secret'][:4]}",)


class NoOracle(Env[Task]):
    """Has none."""

    def tasks(self, split: str = "train") -> TaskSource:
        return TaskSource.rows([Task({})])

    async def start(self, task: Task) -> str:
        return "?"
