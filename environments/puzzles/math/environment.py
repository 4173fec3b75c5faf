"""``puzzles/math-v1``: mathematical problems with short answers, judged by `math-verify`.

Problems of a file (GSM8K, MATH, AIME shapes) or written anew. Answers are numbers or expressions;
equal ones count as equal however they are written, as long as they are answers at all.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from importlib.util import find_spec

from envgym.deadlines import Deadlines
from envgym.environments.puzzles.answer_env import Attempts, Verdict, untold
from envgym.environments.puzzles.judging.process_pool import Judges
from envgym.environments.puzzles.math import rows as math_rows
from envgym.environments.puzzles.math.answers.boxes import MAX_CHARS, boxes, opens
from envgym.environments.puzzles.math.answers.latex import cleaned
from envgym.environments.puzzles.math.answers.near import near_misses
from envgym.environments.puzzles.math.answers.nodes import Group, Union
from envgym.environments.puzzles.math.answers.structure import read
from envgym.environments.puzzles.math.answers.verdict import at_once
from envgym.environments.puzzles.math.problems import MAX_LEVEL, TOPICS
from envgym.environments.puzzles.math.rows import BadRows
from envgym.environments.puzzles.math.shape import fault
from envgym.environments.puzzles.splits import Draft, generated
from envgym.errors import Fault, ToolError, UsageError, suggest
from envgym.messages import Action, Message, user
from envgym.resources import Shared
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode
from envgym.utils.splits import check_split

_JUDGE = "envgym.environments.puzzles.math.judge"
_LONG = 50_000
"""Characters of a message that is read in a thread."""
_SEVERAL = (Group, Union)


class Mathematics(Attempts):
    """Mathematics problem with a number or an expression for an answer.

    A message that calls no tool and boxes an answer, ``\\boxed{42}``, gives it; a box in a thought
    does not count. Of several different boxes the last one counts; where the gold is a list and the
    last box is none, all of them together are the answer. What was taken is told.

    Args:
        rows: JSON or JSONL file of problems instead of generated ones.
        test_rows: Its test split; without one, a fifth of `rows` is held out.
        topics: Of generated problems: names in `math_problems.TOPICS`; all when empty.
        levels: Of generated problems, 1 to 5.
        seed: Of generated problems.
        attempts: Answers that may be given.
        bad_rows: ``refuse`` a file with a row whose gold the judge cannot read or does not accept
            as its own answer, or ``drop`` such rows by name.
    """

    deadlines = Deadlines(tool=600.0, step=660.0)  # others' hostile answers may stand before it
    max_chars = MAX_CHARS
    instructions = (
        "Solve the problem. Give only the answer, in LaTeX, worked out: no words, no equation."
    )

    def __init__(
        self,
        *,
        rows: str | None = None,
        test_rows: str | None = None,
        topics: Sequence[str] = (),
        levels: Sequence[int] = (1, 2, 3),
        seed: int = 0,
        attempts: int = 2,
        bad_rows: BadRows = "refuse",
        max_turns: int | None = None,
    ) -> None:
        super().__init__(attempts=attempts, max_turns=max_turns)
        if bad_rows not in ("refuse", "drop"):
            raise UsageError(f"bad_rows must be refuse or drop, not {bad_rows!r}")
        if find_spec("math_verify") is None:
            raise UsageError("puzzles/math-v1 needs math-verify: pip install 'envgym[math]'")
        if test_rows and not rows:
            raise UsageError("test_rows needs rows=PATH: the problems to train on")
        for name in topics:
            if name not in TOPICS:
                raise UsageError(f"no topic {name!r}.{suggest(name, TOPICS)}")
        if not levels or not set(levels) <= set(range(1, MAX_LEVEL + 1)):
            raise UsageError(f"levels must be within 1..{MAX_LEVEL}, not {list(levels)}")
        self._topics = tuple(topics) or tuple(TOPICS)
        self._levels = tuple(sorted(set(levels)))
        self._seed = seed
        self._judges: Shared[Judges] | None = None
        self._rows: Shared[dict[str, list[Task]]] | None = None
        if rows is not None:
            path = rows
            self._rows = Shared(
                ("puzzles/math", rows, test_rows, bad_rows),
                lambda: math_rows.load(path, test_rows, bad_rows),
            )

    def tasks(self, split: str = "train") -> TaskSource:
        """Problems; difficulty is the level."""
        if self._rows is None:
            return generated(self._make, split, self._seed)
        check_split(split)
        return TaskSource.rows(self._rows.value[split])

    def _make(self, rng: random.Random) -> Draft:
        topic, level = rng.choice(self._topics), rng.choice(self._levels)
        written = TOPICS[topic](rng, level)
        hidden = {"answer": written.answer, "steps": list(written.steps)}
        return {"question": written.question, "topic": topic}, hidden, level

    def puzzle(self, task: Task) -> str:
        """The problem."""
        return task.data["question"]

    async def stop(self) -> None:
        """Let go of the judge and of the file."""
        for held in (self._judges, self._rows):
            if held is not None:
                await held.close()

    async def act(self, action: Action) -> Sequence[Message]:
        """Calls, or an answer in a box."""
        text = action.content
        if action.tool_calls or not opens(text):
            return await super().act(action)
        found = await asyncio.to_thread(boxes, text) if len(text) > _LONG else boxes(text)
        try:
            taken, told = self._boxed(found)
            return (user(told + await self.attempt(taken)),)
        except ToolError as error:
            return (user(f"Error: {error}"),)

    def _boxed(self, found: Sequence[str]) -> tuple[str, str]:
        """The answer that boxes give, and where they differ, what is told of it."""
        if not found:
            raise ToolError("the box is never closed. Give the answer as \\boxed{…}.")
        different = {cleaned(box): box for box in found}
        if len(different) == 1:
            return found[-1], ""
        if isinstance(read(cleaned(found[-1])), _SEVERAL) or not isinstance(
            read(cleaned(self.task.hidden["answer"])), _SEVERAL
        ):
            return found[-1], f"Of {len(found)} boxes the last one is taken. "
        return ", ".join(different.values()), f"{len(different)} boxes are taken as one list. "

    async def judge(self, text: str) -> Verdict:
        """Equal to the gold, and an answer in form."""
        gold = self.task.hidden["answer"]
        if not text.strip():
            raise ToolError("give an answer.")
        if wrong := fault(text, gold, self.task.data["question"]):
            return Verdict(0.0, wrong)
        right = at_once(gold, text)
        if right is None:
            if self._judges is None:
                self._judges = Judges.shared(_JUDGE)
            reply = await self._judges.value.ask({"gold": gold, "answer": text})
            if reply is None or "failed" in reply:
                return Verdict(0.0, "That cannot be worked out within reason.")
            right = reply["right"]
            if not right and not reply["read"]:
                raise Fault(f"the gold {gold!r} of task {self.task.key} cannot be read", "env")
        return Verdict(float(right), "Right." if right else "That is not it.")

    async def oracle(self) -> AsyncIterator[Action]:
        """The gold."""
        yield Action.call("answer", text=self.task.hidden["answer"])

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """Neighbours of the gold: another value, an element less or more, a sum left undone."""
        return [(Action.call("answer", text=t),) for t in near_misses(self.task.hidden["answer"])]

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """The first steps of the solution, half of them at most, then one more; golds blanked."""
        steps, answer = self.task.hidden["steps"], self.task.hidden["answer"]
        blank = re.compile(rf"(?<![\w.]){re.escape(answer)}(?!\w|\.\d)", re.IGNORECASE)
        told = [blank.sub("…", step) for step in steps]
        half = [f"Hint: {' '.join(told[: n + 1])}" for n in range(max(len(told) // 2, 1))]
        more = [f"Hint: {' '.join(told)}"] if len(told) == 2 else []
        return untold(half[:3] + more, [answer]) if told else ()
