"""``puzzles/strings-v1``: what does f(g(x)) give, for string functions f and g.

The test bed of "From f(x) and g(x) to f(g(x))" (PRIME-RL): first learn what each function does,
definitions shown; then compose them, definitions hidden; then see how deep that carries. With
``run=True`` the functions can be tried, one call a turn, and composing is done over turns.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Literal

from envgym.environments.puzzles.answer_env import Attempts, Verdict, untold
from envgym.environments.puzzles.splits import Draft, generated
from envgym.environments.puzzles.strings.chain import Chain, compose, quote, run_call
from envgym.environments.puzzles.strings.functions import FUNCTIONS, HELD_OUT
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.task import Task, TaskSource
from envgym.tools import tool
from envgym.trajectory import Episode

MAX_LEVEL = 8
MAX_INPUT = 20
"""Letters of an input."""
_CORPUS = 500
"""Puzzles that a tokenizer is trained on."""


class Strings(Attempts):
    """Composition of string functions whose value is asked for.

    Args:
        levels: Depths of composition, 1 to 8.
        definitions: Whether the functions used are shown; hidden, they have to be known, or tried.
        run: Whether single calls can be tried by the `run` tool.
        oracle_runs: Chance that the oracle tries the calls before it answers; it answers at once
            otherwise. For demonstrations that show what can be done, and leave what pays to be
            found out.
        functions: Those drawn from: all 25, the 13 for training or the 12 held out.
        length: Fewest and most letters of the input, 2 to 20.
        seed: Of the puzzles.
        attempts: Answers that may be given.
    """

    max_turns = 12
    instructions = "Work out what the function returns. Give only the string, without quotes."

    def __init__(
        self,
        *,
        levels: Sequence[int] = (1, 2, 3),
        definitions: bool = True,
        run: bool = False,
        oracle_runs: float = 1.0,
        functions: Literal["all", "train", "held_out"] = "all",
        length: Sequence[int] = (3, 10),
        seed: int = 0,
        attempts: int = 3,
        max_turns: int | None = None,
    ) -> None:
        super().__init__(attempts=attempts, max_turns=max_turns)
        if not levels or not set(levels) <= set(range(1, MAX_LEVEL + 1)):
            raise UsageError(f"levels must be within 1..{MAX_LEVEL}, not {list(levels)}")
        if functions not in ("all", "train", "held_out"):
            raise UsageError(f"functions must be all, train or held_out, not {functions!r}")
        if len(length) != 2 or not 2 <= length[0] <= length[1] <= MAX_INPUT:
            raise UsageError(
                f"length must be the fewest and the most letters, within 2..{MAX_INPUT}, "
                f"not {list(length)}"
            )
        if not 0 <= oracle_runs <= 1:
            raise UsageError(f"oracle_runs is a chance, in [0, 1], not {oracle_runs}")
        self._length = length[0], length[1]
        self._levels, self._oracle_runs = tuple(sorted(set(levels))), oracle_runs
        self._definitions = definitions
        self._run_allowed = run
        self._seed = seed
        self._pool = [
            f
            for f in FUNCTIONS
            if functions == "all" or (f.index in HELD_OUT) == (functions == "held_out")
        ]
        if not run:
            self.withhold("run")

    def tasks(self, split: str = "train") -> TaskSource:
        """Compositions; difficulty is the level."""
        return generated(self._make, split, self._seed)

    def corpus_text(self) -> Iterator[str]:
        """What an agent reads, for training a tokenizer.

        Many puzzles, so that the words of the question are commoner than any two letters of
        the random strings: a small vocabulary is then spent on words, and letters stay apart.
        """
        source = self.tasks("train")
        for index in range(_CORPUS):
            yield f"{self.instructions}\n{self.puzzle(source[index])}"

    def _make(self, rng: random.Random) -> Draft:
        level = rng.choice(self._levels)
        chain: Chain = compose(rng, level, self._pool, self._length)
        data = {"code": chain.code, "x": chain.x, "functions": list(chain.used)}
        steps = [list(step) for step in zip(chain.calls, chain.values, strict=True)]
        return data, {"answer": chain.values[-1], "steps": steps}, level

    def puzzle(self, task: Task) -> str:
        """The definitions, where they are shown, and the question."""
        parts = [FUNCTIONS[i].source for i in task.data["functions"]] * self._definitions
        parts.append(f"def main_solution(x):\n    return {task.data['code']}")
        parts.append(f"What does main_solution({quote(task.data['x'])}) return?")
        return "\n\n".join(parts)

    async def judge(self, text: str) -> Verdict:
        """Equal to the character, but for white space and one pair of quotes around it."""
        given = text.strip()
        if len(given) > 1 and given[0] == given[-1] and given[0] in "\"'":
            given = given[1:-1]
        right = given == self.task.hidden["answer"]
        return Verdict(float(right), "Right." if right else "That is not what it returns.")

    @tool
    async def run(self, code: str) -> str:
        """Try one call of a function on plain strings, or join two.

        Args:
            code: Such as func_3("abc") or "abc" + "de".
        """
        return run_call(code)

    async def oracle(self) -> AsyncIterator[Action]:
        """Try the calls from the inside out, where and as often as they can be, then answer."""
        steps = self.task.hidden["steps"]
        able = self._run_allowed and len(steps) < self.max_turns
        if able and self.rng.random() < self._oracle_runs:
            for call, _ in steps:
                yield Action.call("run", code=call)
        yield Action.call("answer", text=self.task.hidden["answer"])

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """The value of a step before, the input, and the answer with one thing changed."""
        answer = self.task.hidden["answer"]
        values = [value for _, value in self.task.hidden["steps"]]
        changed = (answer[:-1], f"{answer}a", answer.swapcase(), answer[::-1], f'"{answer}')
        for wrong in dict.fromkeys((*values[:-1], self.task.data["x"], *changed)):
            if wrong != answer:
                yield (Action.call("answer", text=wrong),)

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """The order of the calls, what the functions do, half of the values, how it begins."""
        steps, answer = self.task.hidden["steps"], self.task.hidden["answer"]
        known = [f"{FUNCTIONS[i].name} {FUNCTIONS[i].says}." for i in self.task.data["functions"]]
        hints = [
            f"Hint: work from the inside out; there are {len(steps)} steps.",
            f"Hint: {' '.join(known)}" if known else "Hint: + puts one string behind the other.",
            *(f"Hint: {call} gives {value}." for call, value in steps[: len(steps) // 2]),
            f"Hint: the answer has {len(answer)} characters and begins with "
            f"{answer[: len(answer) // 3 or 1]}…",
        ]
        return untold(hints, [answer])
