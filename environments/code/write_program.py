"""``code/python-v1``: write a program that passes hidden tests, over several turns.

Problems come from a built-in generator or from a published data set. Programs run in sandboxes of
their own; graders on the host judge their behaviour.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Literal

from envgym.deadlines import Deadlines
from envgym.environments.code.data.dataset import BadRows, Problems, Source
from envgym.environments.code.generated_problems import FORMS, Form, generated
from envgym.environments.code.hints import hints
from envgym.environments.code.judge import Bounds, judge
from envgym.environments.code.near_misses import wrong_programs
from envgym.environments.code.problem import Problem
from envgym.environments.code.prompts import outcome_in_words, stated
from envgym.environments.code.sandbox_queue import SandboxHandle
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
from envgym.utils.splits import check_split

GENERATED = 1 << 30
"""Number of generated tasks per split; each is drawn on access."""
MOST_CODE = 100_000
"""Maximum length of a program in characters."""
_TURN_S = 140.0
"""Wall seconds for all sandbox work of one call; a program's own limits are far lower."""


class WriteProgram(ToolEnv[Task]):
    """Programming problems with tools to run and test a program before it is handed in.

    Problems come from a generator of unlimited size or from a published data set. Programs run in
    sandboxes; graders outside them decide what a program's behaviour is worth.

    Actions:
        ``run(code, stdin)``: run a program and read its output.
        ``test(code)``: run the public tests; ``code`` defaults to the last program.
        ``submit(code)``: hand a program in; public and hidden tests decide.

    Observations:
        First the statement, the given code and the public tests. Then program output and how the
        run ended, or a list of failed tests; a hidden test's input is never shown.

    Rewards:
        At the end the score: 1.0 where every test passes, else 0.0 (``reward="all"``), or the
        share of tests passed (``reward="fraction"``). ``progress`` and ``penalty`` shape the
        reward; the score does not contain them.

    Episode end:
        Terminated by the first program that passes or the last allowed submission; truncated after
        12 turns.

    Hints:
        The steps of a plan; the first failure of the attempt's last program; the first third, two
        thirds and all of the reference's lines but the last.

    Info:
        Metrics ``public`` and ``passed`` (shares of tests, last call), ``submits``, and those of
        `ToolEnv` (``tool_calls``, ``tool_errors``, ``no_tool_call``). The difficulty of a task is
        its number of steps (generated) or what its row states.

    Args:
        levels: Difficulties of generated problems in steps, each 1 or more.
        form: Form of generated problems: ``function``, ``program`` (reads standard input and
            prints) or ``mixed``.
        seed: Seed of the generator.
        data: File or data set name that replaces the generator. Rows have the shape of HumanEval,
            MBPP, EvalPlus, APPS, TACO, CodeContests, LiveCodeBench, LeetCodeDataset or DeepCoder.
            Adds a third split, ``all``.
        data_options: Arguments for ``datasets.load_dataset``: ``name``, ``split``, ``revision``, …
        verify: Require each row's reference to pass its own tests, once per process, at load.
        cache: Keep verification results on disk and reuse them.
        bad_rows: ``refuse`` data that has an unusable row, or ``drop`` such rows.
        reward: ``all`` or ``fraction``; see Rewards.
        progress: Reward of a `test` call: this factor times the increase of the best share of
            public tests passed in the episode.
        penalty: Subtracted from the last reward of an episode whose last submission passed no
            test, or that was truncated.
        attempts: Maximum number of submissions.
        time_s: Limit of one test or run in processor seconds.
        memory_mb: Memory limit of one test or run in MiB.
        output_mb: Limit, in MiB, of printed output and of each returned value; at least twice the
            size of a test's expected output is always allowed.
        int_digits: Maximum number of decimal digits of an int that a program reads or writes.
        backend: Sandbox backend: ``namespace``, ``docker``, ``remote`` or ``unsafe``.
        backend_options: Arguments of that backend, such as ``{"imports": ["numpy"]}``.
        boxes: Maximum number of sandboxes at once, shared by all such environments of a process.
        max_turns: Turns before truncation; 12 by default.

    Version history:
        v1: first release.
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
        self._sandboxes = SandboxHandle(backend, options, boxes, self._bounds.limits)
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
        """Problems of a split; the difficulty of a generated one is its number of steps."""
        if self._data is not None:
            return TaskSource.rows(self._data.value.split(split))
        check_split(split)
        return TaskSource(GENERATED, lambda index: self._generated(split, index))

    def _generated(self, split: str, index: int) -> Task:
        rng = random.Random(f"{self._seed}:{split}:{index}")
        level = self._levels[index % len(self._levels)]
        return generated(rng, level, self._form, split).task(split)

    async def start(self, task: Task) -> Sequence[Message]:
        """Instructions, statement and public tests."""
        await self._sandboxes.ready()
        self._problem = Problem.of(task)
        self._code: str | None = None
        self._left = self._attempts
        self._best = 0.0
        return system(INSTRUCTIONS), user(stated(self._problem))

    async def stop(self) -> None:
        """Release the sandboxes and the data."""
        await self._sandboxes.close()
        if self._data is not None:
            await self._data.close()

    async def act(self, action: Action) -> Sequence[Message]:
        """Run the calls; subtract the penalty on a last turn that leaves the episode open."""
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
        pool, limits = self._sandboxes.pool, self._bounds.limits
        async with pool.turn(_TURN_S):
            result = await pool.run_python(source, stdin=data, limits=limits)
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
        """Test the reference, then submit it."""
        reference = self._problem.reference
        if not reference:
            raise UsageError(f"{self._problem.name} has no reference: the oracle cannot solve it")
        if self._problem.suite.public:
            yield Action.call("test", code=reference)
        yield Action.call("submit", code=reference)

    def near_misses(self) -> Iterator[Sequence[Action]]:
        """Programs derived from the reference with different results."""
        for code in wrong_programs(self._problem):
            yield (Action.call("submit", code=code),)

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Plan, failure of the attempt's last program, parts of the reference."""
        return hints(self.task, attempt)

    async def _taken(self, code: str | None) -> str:
        """Program that a call refers to, taken out of a Markdown fence."""
        code = self._code if code is None else code
        if code is None:
            raise ToolError("no program was given yet: pass code.")
        if len(code) > MOST_CODE:
            raise ToolError(f"the program is longer than {MOST_CODE} characters.")
        _sendable(code)
        # In a thread: parsing, which tells a Markdown fence from a string with one, may be slow.
        self._code = await asyncio.to_thread(code_of, code, PYTHON, is_python)
        return self._code

    def _named(self, done: str) -> str:
        """Description of the last program, for a call that gave none."""
        if self._code is None:
            return ""
        lines = self._code.strip().splitlines()
        begin = f", which begins with {lines[0][:80]!r}," if lines else ", which is empty,"
        return f"The program given last{begin} was {done}.\n"

    async def _judged(self, code: str, *, public: bool) -> Verdict:
        pool = self._sandboxes.pool
        try:
            async with pool.turn(_TURN_S):
                verdict = await judge(pool, self._problem, code, public=public, bounds=self._bounds)
        except UsageError as error:  # an unusable backend or task; not the program's fault
            raise Fault(f"{self._problem.name} cannot be judged: {error}", "env") from error
        if verdict.unusable:
            raise Fault(f"{self._problem.name}: {verdict.unusable}", "env")
        return verdict


INSTRUCTIONS = (
    "Write a Python program that solves the problem. You can run and test programs before you hand "
    "one in; hidden tests decide."
)


def _sendable(text: str) -> bytes:
    """Encode a text as UTF-8.

    Raises:
        ToolError: The text holds a lone surrogate, which UTF-8 cannot encode.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ToolError("the text holds half a character (a lone surrogate).") from None
