"""``puzzles/strings-v1``: evaluate f(g(x)) for string functions f and g.

The testbed of "From f(x) and g(x) to f(g(x))" (PRIME-RL): learn each function with definitions
shown, compose them with definitions hidden, then test greater depths. With ``run=True`` the agent
can try single calls, so composition happens over turns.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Literal

from envgym.environments.attempts import calls
from envgym.environments.graded_hints import OPEN, agreement, call_text, counted, graded, shares
from envgym.environments.puzzles.answer_env import AnswerEnv, Verdict, without_golds
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
"""Maximum number of letters of an input."""
_CORPUS = 500
"""Number of puzzles in the training text of a tokenizer."""


class Strings(AnswerEnv):
    """Composition of string functions: work out its value.

    The testbed of "From f(x) and g(x) to f(g(x))" (PRIME-RL): learn what each function does with
    definitions shown, compose them with definitions hidden, then test greater depths.

    Actions:
        ``answer(text)``: the string that the function returns.
        ``run(code)``: one call of a function on plain strings; only with ``run=True``.

    Observations:
        First the definitions (where shown) and the composed function with its input. Then the
        value of the call, or the verdict.

    Rewards:
        The score: 1.0 for the exact string, 0.0 for others.

    Episode end:
        Terminated by the right string or the last attempt; truncated after 12 turns.

    Hints:
        The number of steps and what each function does; the step at which the attempt's last answer
        stopped, or where it goes wrong; the values of half of the steps, of all but the last, the
        last call, the first half of the answer.

    Info:
        Metrics of `ToolEnv`. The difficulty of a task is its level.

    Args:
        levels: Depths of composition to draw from, each 1 to 8.
        definitions: Whether the definitions of the functions are shown.
        run: Whether the `run` tool is offered.
        oracle_runs: Probability that the oracle tries the calls before it answers; otherwise it
            answers at once. For demonstrations that show the tool without showing its worth.
        functions: Functions to draw from: ``all`` 25, the 13 of ``train`` or the 12 ``held_out``.
        length: Minimum and maximum number of letters of the input, within 2 to 20.
        seed: Seed of the puzzles.
        attempts: Maximum number of answers.
        max_turns: Turns before truncation; 12 by default.

    Version history:
        v1: first release.
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
        """Texts that an agent reads, as training text for a tokenizer.

        Many puzzles make the words of the question more frequent than pairs of random letters, so
        that a small vocabulary is spent on words and the letters stay single tokens.
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
        """Definitions, where shown, and question."""
        parts = [FUNCTIONS[i].source for i in task.data["functions"]] * self._definitions
        parts.append(f"def main_solution(x):\n    return {task.data['code']}")
        parts.append(f"What does main_solution({quote(task.data['x'])}) return?")
        return "\n\n".join(parts)

    async def judge(self, text: str) -> Verdict:
        """Exact comparison, after stripping white space and one pair of quotes."""
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
        """Try the calls from the inside out, as far as the options and turns allow, then answer."""
        steps = self.task.hidden["steps"]
        able = self._run_allowed and len(steps) < self.max_turns
        if able and self.rng.random() < self._oracle_runs:
            for call, _ in steps:
                yield Action.call("run", code=call)
        yield Action.call("answer", text=self.task.hidden["answer"])

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """Intermediate values, the input, and slightly changed answers."""
        answer = self.task.hidden["answer"]
        values = [value for _, value in self.task.hidden["steps"]]
        changed = (answer[:-1], f"{answer}a", answer.swapcase(), answer[::-1], f'"{answer}')
        for wrong in dict.fromkeys((*values[:-1], self.task.data["x"], *changed)):
            if wrong != answer:
                yield (Action.call("answer", text=wrong),)

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Steps, meaning of the functions, first wrong step, values of half and of all steps."""
        steps, answer = self.task.hidden["steps"], self.task.hidden["answer"]
        known = [f"{FUNCTIONS[i].name} {FUNCTIONS[i].says}." for i in self.task.data["functions"]]
        plan = (
            f"work from the inside out, in {counted(len(steps), 'step')}. {' '.join(known)}".strip()
        )
        last = steps[-1][0]
        cues = [
            " ".join(f"{call} gives {value}." for call, value in steps[:count])
            for count in shares(len(steps), 0.5, 1.0)
        ]
        begun = answer[: len(answer) // 2]
        cues += [
            f"the last step is {last}.",
            f"{call_text('answer', text=begun + OPEN)} begins right, and has {len(answer)} "
            "characters.",
        ]
        hints = graded(self.task, attempt, plan, self._first_mistake(attempt), cues)
        return without_golds(hints, [answer])

    def _first_mistake(self, attempt: Episode | None) -> str:
        """The step at which the last answer stopped, or the place at which it goes wrong."""
        steps, answer = self.task.hidden["steps"], self.task.hidden["answer"]
        answers = calls(attempt, "answer")
        if not answers:
            return ""
        given = answers[-1].text("text").strip()[: self.max_chars]
        values = [self.task.data["x"], *(value for _, value in steps[:-1])]
        if given in values:
            done = len(values) - values[::-1].index(given)
            what = f"the value after step {done - 1}" if done > 1 else "the input"
            return f"your last answer is only {what}: step {done} of {len(steps)} comes next."
        same = agreement(given, answer)
        if len(given) != len(answer):
            return (
                f"your last answer has {counted(len(given), 'character')}, the right one "
                f"{len(answer)}; the first {same} agree."
            )
        return f"your last answer goes wrong at character {same + 1} of {len(answer)}."
