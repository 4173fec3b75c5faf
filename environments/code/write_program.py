"""``code/python-v1``: write a program that passes tests which it never sees, over several turns.

Problems come from an embedded generator without end, or from a data set in one of the shapes in
use. What counts is what the program does, in boxes of its own, as the host sees it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Literal

from envgym.deadlines import Deadlines
from envgym.environments.code.data.dataset import BadRows, Problems, Source
from envgym.environments.code.generate.compose import SPLITS
from envgym.environments.code.generated_problems import FORMS, Form, generated
from envgym.environments.code.hints import hints
from envgym.environments.code.judge import Bounds, judge
from envgym.environments.code.near_misses import wrong_programs
from envgym.environments.code.problem import Problem
from envgym.environments.code.prompts import outcome_in_words, stated
from envgym.environments.code.sandbox_queue import Boxes
from envgym.errors import Fault, ToolError, UsageError
from envgym.messages import Action, Message, system, user
from envgym.parsing.fences import PYTHON, code_of, is_python
from envgym.resources import Shared
from envgym.sandboxes.graders import Verdict
from envgym.sandboxes.limits import ANY_DIGITS
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool
from envgym.trajectory import Episode

GENERATED = 1 << 30
"""Generated tasks of a split; each is made when it is asked for."""
MOST_CODE = 100_000
_TURN_S = 140.0
"""Of all sandboxes of one call; what a program may use in them is far below it."""


class WriteProgram(ToolEnv[Task]):
    """Programming problems with tools to run and test a program before it is handed in.

    Args:
        levels: Of generated problems: how many steps they have, 1 and more.
        form: Of generated problems: ``function``, ``program`` (which reads and prints), ``mixed``.
        seed: Of the generator.
        data: A file, or a data set's name, to take problems from instead: rows as HumanEval, MBPP,
            EvalPlus, APPS, TACO, CodeContests, LiveCodeBench, LeetCodeDataset or DeepCoder have
            them. It has a third split, ``all``.
        data_options: For ``datasets.load_dataset``: ``name``, ``split``, ``revision``, …
        verify: Whether each row's reference has to pass its own tests, once a process, at load.
        cache: Whether what is proven of a row is kept on the disk, and taken from there.
        bad_rows: ``refuse`` data with a row that holds no problem, or ``drop`` such rows.
        reward: ``all``: the score is 1.0 where every test passes, else 0.0; ``fraction``: it is
            the share of tests that pass.
        progress: Shaping: this times the share of public tests that pass, as far as it is above
            the best share of the episode so far, is added to the reward of a call of `test`.
        penalty: Subtracted from the reward at the end of an episode of which nothing passed: no
            program was handed in, or the last one passed no test.
        attempts: Programs that may be handed in; the episode ends with the first that passes.
        time_s, memory_mb: Bounds of one test and of one run: processor seconds, MiB.
        output_mb: Bound of what a program prints and of each value it gives, in MiB; twice what a
            test expects always fits.
        int_digits: Decimal digits of an int that a program may read or write.
        backend: Where programs run: ``namespace``, ``docker``, ``remote``, ``unsafe``.
        backend_options: Of that backend, such as ``{"imports": ["numpy"]}``.
        boxes: Most sandboxes at once, of all such environments of a process together.
    """

    max_turns = 12
    deadlines = Deadlines(step=1200.0, tool=600.0)

    def __init__(
        self,
        *,
        levels: Sequence[int] = (1, 2, 3),
        form: Form = "mixed",
        seed: int = 0,
        data: str | None = None,
        data_options: Mapping[str, Any] | None = None,
        verify: bool = True,
        cache: bool = True,
        bad_rows: BadRows = "refuse",
        reward: Literal["all", "fraction"] = "all",
        progress: float = 0.0,
        penalty: float = 0.0,
        attempts: int = 1,
        time_s: float = 5.0,
        memory_mb: int = 256,
        output_mb: float = 4.0,
        int_digits: int = ANY_DIGITS,
        backend: str = "namespace",
        backend_options: Mapping[str, Any] | None = None,
        boxes: int = 16,
        max_turns: int | None = None,
    ) -> None:
        super().__init__(max_turns=max_turns)
        if not levels or min(levels) < 1:
            raise UsageError(f"levels must be whole numbers from 1 on, not {list(levels)}")
        if form not in FORMS:
            raise UsageError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
        if bad_rows not in ("refuse", "drop"):
            raise UsageError(f"bad_rows must be refuse or drop, not {bad_rows!r}")
        if data is None and data_options:
            raise UsageError("data_options are for a data set: give data=NAME too")
        if reward not in ("all", "fraction"):
            raise UsageError(f"reward must be all or fraction, not {reward!r}")
        if progress < 0 or penalty < 0:
            raise UsageError("progress and penalty must not be negative")
        if attempts < 1:
            raise UsageError(f"attempts must be at least 1, not {attempts}")
        self._levels = tuple(levels)
        self._form: Form = form
        self._seed = seed
        self._kind = reward
        self._progress = progress
        self._penalty = penalty
        self._attempts = attempts
        self._bounds = Bounds(time_s, memory_mb, output_mb=output_mb, int_digits=int_digits)
        options = dict(backend_options or {})
        self._boxes = Boxes(backend, options, boxes, self._bounds.limits)
        self._data: Shared[Problems] | None = None
        if data is not None:
            source = Source(
                data,
                dict(data_options or {}),
                verify,
                bad_rows,
                backend,
                options,
                self._bounds,
                cache,
            )
            self._data = Shared(("code", source.key), lambda: Problems.open(source))

    def tasks(self, split: str = "train") -> TaskSource:
        """Problems of a split; the difficulty of a generated one is its level."""
        if self._data is not None:
            return TaskSource.rows(self._data.value.split(split))
        if split not in SPLITS:
            raise UsageError(f"no split {split!r}: use {' or '.join(SPLITS)}")
        return TaskSource(GENERATED, lambda index: self._generated(split, index))

    def _generated(self, split: str, index: int) -> Task:
        rng = random.Random(f"{self._seed}:{split}:{index}")
        level = self._levels[index % len(self._levels)]
        return generated(rng, level, self._form, split).task(split)

    async def start(self, task: Task) -> Sequence[Message]:
        """The rules, the statement and the public tests."""
        await self._boxes.ready()
        self._problem = Problem.of(task)
        self._verdict: Verdict | None = None
        self._code: str | None = None
        self._left = self._attempts
        self._best = 0.0
        return system(INSTRUCTIONS), user(stated(self._problem))

    async def stop(self) -> None:
        """Let go of the sandboxes and the data."""
        await self._boxes.close()
        if self._data is not None:
            await self._data.close()

    async def act(self, action: Action) -> Sequence[Message]:
        """Run the calls; the last turn costs the penalty where the episode is still open."""
        seen = await super().act(action)
        if not self.ended and self.turn >= self.max_turns:
            self.add_reward(-self._penalty)
        return seen

    @tool
    async def run(self, code: str, stdin: str = "") -> str:
        """Run a program and read what it writes.

        Args:
            code: Python source.
            stdin: What it reads from standard input.
        """
        source, data = self._problem.program(await self._taken(code)), _sendable(stdin)
        workshop, limits = self._boxes.workshop, self._bounds.limits
        async with workshop.turn(_TURN_S):
            result = await workshop.run_python(source, stdin=data, limits=limits)
        return outcome_in_words(result)

    @tool
    async def test(self, code: str | None = None) -> str:
        """Run the public tests on a program and read which fail, and how.

        Args:
            code: Python source; the program given last when left out.
        """
        if not self._problem.suite.public:
            raise ToolError("this problem has no public tests: use run.")
        previous = self._named("tested") if code is None else ""
        verdict = await self._judged(await self._taken(code), public=True)
        self.metrics["public"] = verdict.fraction
        gain = max(0.0, verdict.fraction - self._best)
        self._best += gain
        self.add_reward(self._progress * gain)
        return previous + verdict.feedback()

    @tool
    async def submit(self, code: str | None = None) -> str:
        """Hand a program in: all tests decide, hidden ones too.

        Args:
            code: Python source; the program given last when left out.
        """
        previous = self._named("handed in") if code is None else ""
        verdict = await self._judged(await self._taken(code), public=False)
        score = verdict.fraction if self._kind == "fraction" else float(verdict.passed)
        self._left -= 1
        self.metrics["passed"] = verdict.fraction
        self._count("submits", 1)
        if verdict.passed or not self._left:
            self.end(score, reward=score if verdict.passes else score - self._penalty)
        more = "" if self.ended else f"\nPrograms that you may still hand in: {self._left}."
        return previous + verdict.feedback() + more

    async def oracle(self) -> AsyncIterator[Action]:
        """Test the reference, then hand it in."""
        reference = self._problem.reference
        if not reference:
            raise UsageError(f"{self._problem.name} has no reference: the oracle cannot solve it")
        if self._problem.suite.public:
            yield Action.call("test", code=reference)
        yield Action.call("submit", code=reference)

    def near_misses(self) -> Iterator[Sequence[Action]]:
        """Programs made of the reference that give something else than it does."""
        for code in wrong_programs(self._problem):
            yield (Action.call("submit", code=code),)

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """A plan, then what failed, then parts of the reference."""
        return hints(Problem.of(self.task), self._verdict)

    async def _taken(self, code: str | None) -> str:
        """The program that a call is about, out of its Markdown fence if it is in one."""
        code = self._code if code is None else code
        if code is None:
            raise ToolError("no program was given yet: pass code.")
        if len(code) > MOST_CODE:
            raise ToolError(f"the program is longer than {MOST_CODE} characters.")
        _sendable(code)
        # Parsing tells a fence from a program that speaks of fences, and holds a loop up.
        self._code = await asyncio.to_thread(code_of, code, PYTHON, is_python)
        return self._code

    def _named(self, done: str) -> str:
        """The program given last in words, for a call that gave none."""
        if self._code is None:
            return ""
        lines = self._code.strip().splitlines()
        begin = f", which begins with {lines[0][:80]!r}," if lines else ", which is empty,"
        return f"The program given last{begin} was {done}.\n"

    async def _judged(self, code: str, *, public: bool) -> Verdict:
        workshop = self._boxes.workshop
        try:
            async with workshop.turn(_TURN_S):
                self._verdict = await judge(
                    workshop, self._problem, code, public=public, bounds=self._bounds
                )
        except UsageError as error:  # the backend or the task is refused: no program's doing
            raise Fault(f"{self._problem.name} cannot be judged: {error}", "env") from error
        if self._verdict.unusable:
            raise Fault(f"{self._problem.name}: {self._verdict.unusable}", "env")
        return self._verdict


INSTRUCTIONS = (
    "Write a Python program that solves the problem. You can run and test programs before you hand "
    "one in; hidden tests decide."
)


def _sendable(text: str) -> bytes:
    """The text as bytes.

    Raises:
        ToolError: It holds half a character, which no file does.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ToolError("the text holds half a character (a lone surrogate).") from None
