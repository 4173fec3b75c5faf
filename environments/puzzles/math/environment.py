"""``puzzles/math-v1``: mathematics problems with short answers, judged with `math-verify`.

Problems are generated or come from files (GSM8K, MATH, AIME formats). Answers are numbers or
expressions; equal ones count as equal in any notation, if their form is that of an answer.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from importlib.util import find_spec

from envgym.deadlines import Deadlines
from envgym.environments.puzzles.answer_env import AnswerEnv, Verdict
from envgym.environments.puzzles.judging.process_pool import JudgePool
from envgym.environments.puzzles.math import rows as math_rows
from envgym.environments.puzzles.math.answers.boxes import MAX_CHARS, boxes, opens
from envgym.environments.puzzles.math.answers.latex import cleaned
from envgym.environments.puzzles.math.answers.near import near_misses
from envgym.environments.puzzles.math.answers.nodes import Group, Union
from envgym.environments.puzzles.math.answers.structure import read
from envgym.environments.puzzles.math.answers.verdict import at_once
from envgym.environments.puzzles.math.hints import hints
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
"""Length in characters from which a message is parsed in a thread."""
_SEVERAL = (Group, Union)


class Mathematics(AnswerEnv):
    """Mathematics problem with a number or an expression for an answer.

    Problems are generated, or read from files in the shapes of GSM8K, MATH and AIME. Equal answers
    count as equal in any notation, where they are fully worked out.

    Actions:
        ``answer(text)``: the answer in LaTeX.
        A message without a call whose text holds ``\\boxed{…}`` gives that answer; boxes in a
        thought do not count. Of several different boxes the last one counts; where the gold is a
        list and the last box is none, all of them form the list.

    Observations:
        First the problem. Then the verdict, the boxes used, and for a wrong form what is wrong
        with it.

    Rewards:
        The score: 1.0 for an answer equal to the gold, 0.0 for others.

    Episode end:
        Terminated by a right answer or the last attempt; truncated after 8 turns.

    Hints:
        The first step of the solution; what is wrong with the form, the parts or the value of the
        attempt's last answer; half of the steps and all but the last (both of two), the answer
        blanked out; the kind of the answer, and its first half.

    Info:
        Metrics of `ToolEnv`. The difficulty of a generated task is its level.

    Args:
        rows: JSON or JSONL file of problems that replaces the generator.
        test_rows: File of the test split; without it a fifth of ``rows`` is held out.
        topics: Topics of generated problems, keys of ``math.problems.TOPICS``; all when empty.
        levels: Difficulties of generated problems, each 1 to 5.
        seed: Seed of generated problems.
        attempts: Maximum number of answers.
        bad_rows: ``refuse`` a file with a row whose gold the judge cannot read or does not accept
            as its own answer, or ``drop`` such rows with a list of them.
        max_turns: Turns before truncation; 8 by default.

    Version history:
        v1: first release.
    """

    deadlines = Deadlines(tool=600.0, step=660.0)  # may queue behind hostile answers of others
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
        self._judges: Shared[JudgePool] | None = None
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
        """Release the judge and the file."""
        for held in (self._judges, self._rows):
            if held is not None:
                await held.close()

    async def act(self, action: Action) -> Sequence[Message]:
        """Run the calls, or judge a boxed answer."""
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
        """Answer in the boxes, and a note for the agent where they differ."""
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
        """Check the form of the answer, then its equality with the gold."""
        gold = self.task.hidden["answer"]
        if not text.strip():
            raise ToolError("give an answer.")
        if wrong := fault(text, gold, self.task.data["question"]):
            return Verdict(0.0, wrong)
        right = at_once(gold, text)
        if right is None:
            if self._judges is None:
                self._judges = JudgePool.shared(_JUDGE)
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
        """Neighbours of the gold: another value, one element more or less, a sum not worked out."""
        return [(Action.call("answer", text=t),) for t in near_misses(self.task.hidden["answer"])]

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """First step, flaw of the last answer, more steps, form and beginning of the answer."""
        return hints(self.task, attempt)
