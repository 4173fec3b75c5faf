"""``code/reason-v1``: predict a program's output, find its input, or write it.

Deduction, abduction and induction of Absolute Zero (Zhao et al. 2025, section 3) over generated
programs or its seed files. Answers are parsed as data, executed in a sandbox only, and compared
type by type.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Literal

from envgym.deadlines import Deadlines
from envgym.environments.code.judge import Bounds
from envgym.environments.code.reason.dataset import Exercises, Seeds
from envgym.environments.code.reason.exercise import KINDS, Answer, Kind, Pair
from envgym.environments.code.reason.generated_exercises import generated
from envgym.environments.code.reason.hints import hints
from envgym.environments.code.reason.literals import NotLiteral, arguments_of, value_of
from envgym.environments.code.reason.near_misses import wrong_answers
from envgym.environments.code.reason.program_rules import broken_rules
from envgym.environments.code.sandbox_queue import SandboxHandle
from envgym.errors import Fault, UsageError
from envgym.messages import Action, Message, system, user
from envgym.parsing.fences import PYTHON, code_of, is_python
from envgym.resources import Shared
from envgym.sandboxes.graders import CallCase, Equality, Verdict, grade_calls
from envgym.sandboxes.graders.harness.plain_values import decode
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool
from envgym.trajectory import Episode
from envgym.utils.splits import check_split

GENERATED = 1 << 30
"""Number of generated tasks per split; each is drawn on access."""
INSTRUCTIONS = (
    "You are given a part of a Python program f with its input and output. Find the rest."
)
_TURN_S = 140.0
"""Wall seconds for all sandbox work of one call."""
_MOST_CHARS = 100_000
_OF_VALUES = PYTHON | {"text", "txt", "plaintext", "output", "json"}
"""Language tags accepted on a Markdown fence around a value."""


class Malformed(ValueError):
    """An answer in the wrong form; the message is for the model."""


class ReasonAboutProgram(ToolEnv[Task]):
    """Reasoning about programs: predict an output, find an input, or write the program.

    The deduction, abduction and induction tasks of Absolute Zero (Zhao et al. 2025, section 3) over
    generated programs or its seed files.

    Actions:
        ``answer(text)``: a Python literal, the arguments of a call, or the source of a program.

    Observations:
        First the program with an input or an output, or the example pairs of a program to write.
        Then the verdict and the number of attempts left.

    Rewards:
        1.0 for a right answer, ``wrong`` for a well-formed wrong one, ``malformed`` for one that
        cannot be read or for none by the last turn. The score is 1.0 for a right answer, else 0.0.

    Episode end:
        Terminated by the first right answer or the last attempt; truncated after 4 turns, or one
        turn more than ``attempts`` where that is larger.

    Hints:
        The type of the output or of the arguments; what is wrong with the attempt's last answer;
        the program's steps, then half and three quarters of the answer. For induction: the steps,
        the share of pairs that was right, then beginnings of the program.

    Info:
        Metrics ``malformed`` (answers that could not be read) and those of `ToolEnv`. The
        difficulty of a generated task is its number of steps.

    Args:
        kinds: Tasks to pose: ``deduction`` (predict the output), ``abduction`` (find any input that
            gives the output), ``induction`` (write the program).
        levels: Difficulties of generated programs in steps, each 1 or more.
        seed: Seed of the generator.
        data: One of Absolute Zero's seed files (JSONL) that replaces the generator. Adds a third
            split, ``all``.
        bad_rows: ``refuse`` a seed file with a row whose program breaks a rule or contradicts the
            row, or ``drop`` such rows.
        wrong: Reward of a well-formed wrong answer; -0.5 in the paper.
        malformed: Reward of an answer that is no literal or no program, and of no answer; -1.0 in
            the paper.
        attempts: Maximum number of answers.
        time_s: Limit of one call of a program in processor seconds.
        memory_mb: Memory limit of one call in MiB.
        backend: Sandbox backend: ``namespace``, ``docker``, ``remote`` or ``unsafe``.
        backend_options: Arguments of that backend.
        boxes: Maximum number of sandboxes at once, shared by all such environments of a process.
        max_turns: Turns before truncation; see Episode end for the default.

    Version history:
        v1: first release.
    """

    max_turns = 4
    deadlines = Deadlines(step=1200.0, tool=600.0)

    def __init__(
        self,
        *,
        kinds: Sequence[Kind] = KINDS,  # type: ignore[assignment]
        levels: Sequence[int] = (1, 2, 3),
        seed: int = 0,
        data: str | None = None,
        bad_rows: Literal["refuse", "drop"] = "refuse",
        wrong: float = -0.5,
        malformed: float = -1.0,
        attempts: int = 1,
        time_s: float = 5.0,
        memory_mb: int = 256,
        backend: str = "namespace",
        backend_options: Mapping[str, Any] | None = None,
        boxes: int = 16,
        max_turns: int | None = None,
    ) -> None:
        if max_turns is None:  # enough turns for all attempts, and one to spare
            max_turns = max(type(self).max_turns, attempts + 1)
        super().__init__(max_turns=max_turns)
        if not kinds or not set(kinds) <= set(KINDS):
            raise UsageError(f"kinds must be among {', '.join(KINDS)}, not {list(kinds)}")
        if not levels or min(levels) < 1:
            raise UsageError(f"levels must be whole numbers from 1 on, not {list(levels)}")
        if bad_rows not in ("refuse", "drop"):
            raise UsageError(f"bad_rows must be refuse or drop, not {bad_rows!r}")
        if attempts < 1:
            raise UsageError(f"attempts must be at least 1, not {attempts}")
        self._kinds, self._levels, self._seed = tuple(kinds), tuple(levels), seed
        self._wrong, self._malformed, self._attempts = wrong, malformed, attempts
        self._bounds = Bounds(time_s, memory_mb)
        options = dict(backend_options or {})
        self._sandboxes = SandboxHandle(backend, options, boxes, self._bounds.limits)
        self._exercises: Shared[Exercises] | None = None
        if data is not None:
            source = Seeds(data, bad_rows, backend, options, self._bounds)
            self._exercises = Shared(("code seeds", repr(source)), lambda: Exercises.open(source))

    def tasks(self, split: str = "train") -> TaskSource:
        """Exercises of a split; the difficulty of a generated one is its number of steps."""
        if self._exercises is not None:
            return TaskSource.rows(self._exercises.value.split(split, self._kinds))
        check_split(split)
        return TaskSource(GENERATED, lambda index: self._generated(split, index))

    def _generated(self, split: str, index: int) -> Task:
        rng = random.Random(f"{self._seed}:{split}:{index}")
        round_, kind = divmod(index, len(self._kinds))
        level = self._levels[round_ % len(self._levels)]
        return generated(rng, level, split).task(self._kinds[kind], split)

    async def start(self, task: Task) -> Sequence[Message]:
        """Instructions and the given part of the exercise."""
        await self._sandboxes.ready()
        self._kind: Kind = task.data["kind"]
        self._answer = Answer.of(task)
        self._left = self._attempts
        return system(INSTRUCTIONS), user(_stated(self._kind, task.data))

    async def stop(self) -> None:
        """Release the sandboxes and the seed file."""
        await self._sandboxes.close()
        if self._exercises is not None:
            await self._exercises.close()

    async def act(self, action: Action) -> Sequence[Message]:
        """Run the calls; add the `malformed` reward to a last turn without a right answer."""
        seen = await super().act(action)
        if not self.ended and self.turn >= self.max_turns:
            self.add_reward(self._malformed)
        return seen

    @tool
    async def answer(self, text: str) -> str:
        """Give the answer: a Python literal, or for a program its source.

        Args:
            text: The output, the arguments as they stand between the brackets, or the program; a
                Markdown fence around it is taken off.
        """
        try:
            wrong = await self._judged(text)
            reward = 1.0 if not wrong else self._wrong
        except Malformed as error:
            wrong, reward = str(error), self._malformed
            self._count("malformed", 1)
        self._left -= 1
        if not wrong or not self._left:
            self.end(float(not wrong), reward=reward)
        if not wrong:
            return "Right."
        more = "" if self.ended else f" Answers that you may still give: {self._left}."
        return f"{wrong}{more}"

    async def oracle(self) -> AsyncIterator[Action]:
        """Give the exercise's own answer."""
        yield Action.call("answer", text=self._answer.text)

    def near_misses(self) -> Iterator[Sequence[Action]]:
        """Values, arguments and programs with different results."""
        for text in wrong_answers(self._kind, self._answer):
            yield (Action.call("answer", text=text),)

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Type of the answer, flaw of the last answer, steps, part of the answer."""
        return hints(self.task, attempt)

    async def _judged(self, text: str) -> str:
        """Judge an answer; returns what is wrong with it, or "".

        Raises:
            Malformed: The answer has the wrong form.
        """
        first = self._answer.pairs[0]
        if len(text) > _MOST_CHARS:
            raise Malformed(f"The answer is longer than {_MOST_CHARS} characters.")
        valid = _is_call if self._kind == "abduction" else is_python
        languages = PYTHON if self._kind == "induction" else _OF_VALUES
        text = await asyncio.to_thread(code_of, text, languages, valid)
        if self._kind == "induction":
            return await self._program_judged(text)
        try:
            if self._kind == "deduction":
                right = Equality()(first.output, value_of(text))
                return "" if right else "That is not what f gives."
            arguments = arguments_of(text)
        except NotLiteral as error:
            raise Malformed(f"The answer cannot be read: {error}.") from None
        verdict = await self._called(self._answer.program, [Pair(arguments, first.output)])
        return "" if verdict.passed else "f does not give that output for these arguments."

    async def _program_judged(self, program: str) -> str:
        if broken := broken_rules(program):
            raise Malformed(f"The program breaks the rules: {'; '.join(broken)}.")
        verdict = await self._called(program, self._answer.pairs)
        if verdict.passed:
            return ""
        return f"{verdict.passes} of {verdict.expected} pairs are right."

    async def _called(self, program: str, pairs: Sequence[Pair]) -> Verdict:
        cases = []
        for pair in pairs:
            args, kwargs = pair.arguments.values()
            cases.append(CallCase("f", args, decode(pair.output), kwargs, hidden=True))
        pool, bounds = self._sandboxes.pool, self._bounds
        try:
            async with pool.turn(_TURN_S):
                return await grade_calls(
                    pool, program, cases, limits=bounds.limits, budget_s=bounds.budget_s
                )
        except UsageError as error:  # the arguments are literals, so not the answer's fault
            raise Fault(f"an answer cannot be judged: {error}", "env") from error


def _is_call(arguments: str) -> bool:
    """Return whether a text is a valid argument list of a call."""
    return is_python(f"f(\n{arguments}\n)")


def _stated(kind: Kind, data: Mapping[str, Any]) -> str:
    if kind == "induction":
        told = [data["message"]] if data["message"] else []
        head = "Write a program that defines f, such that these and hidden calls of it hold:"
        return "\n".join([head, *data["pairs"], *told])
    given, asked = (
        (f"f({data['input']})", "What does this call give?")
        if kind == "deduction"
        else (
            f"output: {data['output']}",
            "For which arguments does f give this output? Any will do.",
        )
    )
    return f"```python\n{data['program'].strip()}\n```\n{given}\n{asked}"
