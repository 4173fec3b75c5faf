"""``puzzles/np-v1``: NP-hard problems, judged by how good a solution is.

NP-Engine's ten problems at its four sizes. A solution's score is its quality beside that of a
heuristic; an infeasible one scores nothing and is told why. Over several attempts a solution is
improved, and each is paid what it adds to the best one.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterable, Sequence

from envgym.environments.puzzles.answer_env import Attempts, Verdict
from envgym.environments.puzzles.np.problem import LEVELS, Infeasible, Problem
from envgym.environments.puzzles.np.problems import PROBLEMS
from envgym.environments.puzzles.splits import Draft, generated
from envgym.errors import ToolError, UsageError, suggest
from envgym.messages import Action
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode


class NpHard(Attempts):
    """NP-hard optimisation problem: find a feasible solution, as good as can be.

    Args:
        problems: Names of those to pose; all ten when empty.
        levels: ``easy``, ``medium``, ``hard``, ``bench``.
        seed: Of the instances.
        attempts: Solutions that may be given; the best one counts.
    """

    instructions = "Solve the problem as well as you can. Answer with a JSON list and nothing else."

    def __init__(
        self,
        *,
        problems: Sequence[str] = (),
        levels: Sequence[str] = ("easy",),
        seed: int = 0,
        attempts: int = 3,
        max_turns: int | None = None,
    ) -> None:
        super().__init__(attempts=attempts, max_turns=max_turns)
        for name in problems:
            if name not in PROBLEMS:
                raise UsageError(f"no problem {name!r}.{suggest(name, PROBLEMS)}")
        if not levels or not set(levels) <= set(LEVELS):
            raise UsageError(f"levels must be of {', '.join(LEVELS)}, not {list(levels)}")
        self._problems = tuple(problems) or tuple(PROBLEMS)
        self._levels = sorted(LEVELS.index(level) for level in set(levels))
        self._seed = seed

    def tasks(self, split: str = "train") -> TaskSource:
        """Instances; difficulty is the level, 1 for easy to 4 for bench."""
        return generated(self._make, split, self._seed)

    def _make(self, rng: random.Random) -> Draft:
        name, level = rng.choice(self._problems), rng.choice(self._levels)
        problem = PROBLEMS[name]
        instance, solution = problem.generate(rng, problem.sizes[level])
        return {"problem": name, "instance": instance}, {"solution": solution}, level + 1

    @property
    def _problem(self) -> Problem:
        return PROBLEMS[self.task.data["problem"]]

    def puzzle(self, task: Task) -> str:
        """What is asked, and the instance."""
        problem = PROBLEMS[task.data["problem"]]
        return f"{problem.asks}\n\n{problem.show(task.data['instance'])}"

    async def judge(self, text: str) -> Verdict:
        """The ratio of its value to the reference's, or 0 where it is infeasible."""
        instance = self.task.data["instance"]
        solution = _read(text)
        try:
            value = self._problem.value(instance, solution)
        except Infeasible as error:
            return Verdict(0.0, f"Not valid: {error}.")
        self.metrics["valid"] = 1.0
        reference = self._problem.value(instance, self.task.hidden["solution"])
        better = "higher" if self._problem.goal == "max" else "lower"
        told = f"Valid, with a value of {value}; {better} is better."
        return Verdict(self._problem.ratio(value, reference), told)

    async def oracle(self) -> AsyncIterator[Action]:
        """The reference."""
        yield Action.call("answer", text=json.dumps(self.task.hidden["solution"]))

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """Nothing, an element twice, and numbers that are written as other things."""
        solution = self.task.hidden["solution"]
        wrong: tuple[list[object], ...] = (
            [],
            [*solution, solution[0]],
            [str(value) for value in solution],
            [solution],
        )
        for answer in wrong:
            yield (Action.call("answer", text=json.dumps(answer)),)

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """How to go about it, a quarter of the reference, half of it."""
        solution, problem = self.task.hidden["solution"], self._problem
        begins = "begins with" if problem.ordered else "holds, among others,"
        parts = [solution[: len(solution) // share] for share in (4, 2)]
        shown = [f"Hint: a good answer {begins} {json.dumps(p)[1:-1]}." for p in parts if p]
        return (f"Hint: {problem.method}", *dict.fromkeys(shown))


def _read(text: str) -> list[object]:
    try:
        solution = json.loads(text)
    except (ValueError, RecursionError):
        solution = None
    if not isinstance(solution, list):
        raise ToolError("write one JSON list, such as [0, 2, 5].")
    return solution
