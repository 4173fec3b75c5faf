"""``code/python-v1``: write a program that passes tests which it never sees, over several turns.

Problems come from an embedded generator without end, or from a data set in one of the shapes in
use. What counts is what the program does, in boxes of its own, as the host sees it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from envgym.deadlines import Deadlines
from envgym.environments.code.boxes import Boxes
from envgym.environments.code.generate.compose import SPLITS
from envgym.environments.code.generated import FORMS, Form, generated
from envgym.environments.code.hints import hints
from envgym.environments.code.judge import Bounds, judge
from envgym.environments.code.problem import Problem
from envgym.environments.code.words import outcome_in_words, stated
from envgym.errors import Fault, ToolError, UsageError
from envgym.messages import Action, Message, system, user
from envgym.sandboxes.base import BoxLost
from envgym.sandboxes.graders import Verdict
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool
from envgym.trajectory import Episode

GENERATED = 1 << 30
"""Generated tasks of a split; each is made when it is asked for."""
MOST_CODE = 100_000
_JUDGE_S, _TOOL_S = 140.0, 150.0


class WriteProgram(ToolEnv[Task]):
    """Programming problems with tools to run and test a program before it is handed in.

    Args:
        levels: Of generated problems: how many steps they have, 1 and more.
        form: Of generated problems: ``function``, ``program`` (standard input to output), ``mixed``.
        seed: Of the generator.
        reward: ``all``: the score is 1.0 where every test passes, else 0.0; ``fraction``: it is
            the share of tests that pass.
        progress: Shaping: this times the share of public tests that pass, as far as it is above
            the best share of the episode so far, is added to the reward of a call of `test`.
        penalty: Subtracted from the reward at the end of an episode of which nothing passed: no
            program was handed in, or the last one passed no test.
        attempts: Programs that may be handed in; the episode ends with the first that passes.
        time_s, memory_mb: Bounds of one test and of one run.
        backend: Where programs run: ``namespace``, ``docker``, ``remote``, ``unsafe``.
        backend_options: Of that backend, such as ``{"imports": ["numpy"]}``.
        boxes: Most sandboxes at once, of all such environments of a process together.
    """

    max_turns = 12
    deadlines = Deadlines(step=600.0, tool=_TOOL_S)

    def __init__(
        self,
        *,
        levels: Sequence[int] = (1, 2, 3),
        form: Form = "mixed",
        seed: int = 0,
        reward: Literal["all", "fraction"] = "all",
        progress: float = 0.0,
        penalty: float = 0.0,
        attempts: int = 1,
        time_s: float = 5.0,
        memory_mb: int = 256,
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
        self._bounds = Bounds(time_s, memory_mb)
        self._boxes = Boxes(backend, backend_options or {}, boxes, self._bounds.limits)

    def tasks(self, split: str = "train") -> TaskSource:
        """Problems of a split; the difficulty of a generated one is its level."""
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
        """Let go of the sandboxes."""
        await self._boxes.close()

    def partial_score(self) -> float:
        """Nothing that was handed in passed, or the episode would have ended."""
        self.add_reward(-self._penalty)
        return 0.0

    @tool
    async def run(self, code: str, stdin: str = "") -> str:
        """Run a program and read what it writes.

        Args:
            code: Python source.
            stdin: What it reads from standard input.
        """
        source = self._problem.program(self._taken(code))
        limits = self._bounds.limits
        data = _sendable(stdin)
        async with await self._boxes.backend.open(limits=limits) as box:
            try:
                result = await box.python(source, stdin=data, limits=limits)
            except BoxLost as lost:
                raise Fault(f"the sandbox of a run is gone: {lost}", "infra") from lost
        return outcome_in_words(result)

    @tool
    async def test(self, code: str | None = None) -> str:
        """Run the public tests on a program and read which fail, and how.

        Args:
            code: Python source; the program given last when left out.
        """
        if not self._problem.suite.public:
            raise ToolError("this problem has no public tests: use run.")
        verdict = await self._judged(self._taken(code), public=True)
        self.metrics["public"] = verdict.fraction
        gain = max(0.0, verdict.fraction - self._best)
        self._best += gain
        self.add_reward(self._progress * gain)
        return verdict.feedback()

    @tool
    async def submit(self, code: str | None = None) -> str:
        """Hand a program in: all tests decide, hidden ones too.

        Args:
            code: Python source; the program given last when left out.
        """
        verdict = await self._judged(self._taken(code), public=False)
        score = verdict.fraction if self._kind == "fraction" else float(verdict.passed)
        self._left -= 1
        self.metrics["passed"] = verdict.fraction
        self._count("submits", 1)
        if verdict.passed or not self._left:
            self.end(score, reward=score if verdict.passes else score - self._penalty)
        more = "" if self.ended else f"\nPrograms that you may still hand in: {self._left}."
        return verdict.feedback() + more

    async def oracle(self) -> AsyncIterator[Action]:
        """Test the reference, then hand it in."""
        reference = self._problem.reference
        if not reference:
            raise UsageError(f"{self._problem.name} has no reference: the oracle cannot solve it")
        if self._problem.suite.public:
            yield Action.call("test", code=reference)
        yield Action.call("submit", code=reference)

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """A plan, then what failed, then parts of the reference."""
        return hints(self._problem, self._verdict)

    def _taken(self, code: str | None) -> str:
        """The program that a call is about."""
        code = self._code if code is None else code
        if code is None:
            raise ToolError("no program was given yet: pass code.")
        if len(code) > MOST_CODE:
            raise ToolError(f"the program is longer than {MOST_CODE} characters.")
        _sendable(code)
        self._code = code
        return code

    async def _judged(self, code: str, *, public: bool) -> Verdict:
        backend, bounds = self._boxes.backend, self._bounds
        try:
            async with asyncio.timeout(_JUDGE_S):
                self._verdict = await judge(
                    backend, self._problem, code, public=public, bounds=bounds
                )
        except TimeoutError:  # far beyond what a program may use: it is the machine
            raise Fault(f"no verdict within {_JUDGE_S:g} s: too much runs here", "infra") from None
        except UsageError as error:  # the backend refuses: no program's doing
            raise Fault(f"the sandbox refuses: {error}", "infra") from error
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
