"""``puzzles/np-v1``: NP-hard problems, scored by the quality of a solution.

NP-Engine's ten problems at its four sizes. The score is the ratio of a solution's value to a
heuristic's; an infeasible solution scores 0 with the reason as feedback. Each attempt is rewarded
with its increase of the best score.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterable, Sequence

from envgym.environments.attempts import calls
from envgym.environments.graded_hints import OPEN, call_text, graded, shares
from envgym.environments.puzzles.answer_env import AnswerEnv, Verdict
from envgym.environments.puzzles.np.problem import LEVELS, Infeasible, Problem
from envgym.environments.puzzles.np.problems import PROBLEMS
from envgym.environments.puzzles.splits import Draft, generated
from envgym.errors import ToolError, UsageError, suggest
from envgym.messages import Action
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode


class NpHard(AnswerEnv):
    """NP-hard optimisation problem: find a feasible solution, as good as possible.

    The ten problems of NP-Engine at its four sizes, each with a planted or heuristic reference.

    Actions:
        ``answer(text)``: a solution as a JSON list.

    Observations:
        First the instance. Then the solution's value, or the constraint that it breaks.

    Rewards:
        The increase of the best score so far. A feasible solution scores the ratio of its value to
        the reference's (at most 1.0), an infeasible one 0.0.

    Episode end:
        Terminated by a solution as good as the reference or by the last attempt; truncated after 8
        turns, with the best score so far.

    Hints:
        A method; the constraint that the attempt's last solution breaks, or its value beside the
        reference's and an element too many; a quarter, half and three quarters of the reference.

    Info:
        Metrics ``valid`` (1 for a feasible solution, last attempt) and those of `ToolEnv`. The
        difficulty of a task is 1 (easy) to 4 (bench).

    Args:
        problems: Names of the problems to pose; all ten when empty.
        levels: Difficulties out of ``easy``, ``medium``, ``hard``, ``bench``.
        seed: Seed of the instances.
        attempts: Maximum number of solutions; the best one counts.
        max_turns: Turns before truncation; 8 by default.

    Version history:
        v1: first release.
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
        """Question and instance."""
        problem = PROBLEMS[task.data["problem"]]
        return f"{problem.asks}\n\n{problem.show(task.data['instance'])}"

    async def judge(self, text: str) -> Verdict:
        """Ratio of the solution's value to the reference's; 0 for an infeasible one."""
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
        """Answer with the reference."""
        yield Action.call("answer", text=json.dumps(self.task.hidden["solution"]))

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """An empty solution, a repeated element, and numbers of the wrong JSON type."""
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
        """Method, flaw of the last solution, then a quarter, half and three quarters of one."""
        solution, problem = self.task.hidden["solution"], self._problem
        cues = []
        for count in shares(len(solution), 0.25, 0.5, 0.75):
            part = f"{json.dumps(solution[:count])[:-1]}, {OPEN}]"
            which = "begins" if problem.ordered else "holds these, among others"
            cues.append(f"a good answer {which}: {call_text('answer', text=part)}.")
        return graded(self.task, attempt, problem.method, self._flaw(attempt), cues)

    def _flaw(self, attempt: Episode | None) -> str:
        """The broken constraint of the last solution that can be read, or what it falls short."""
        instance, problem = self.task.data["instance"], self._problem
        solution = self.task.hidden["solution"]
        for call in reversed(calls(attempt, "answer")):
            try:
                given = _read(call.text("text")[: self.max_chars])
                value = problem.value(instance, given)
            except ToolError:
                continue
            except Infeasible as error:
                return f"your last answer is not valid: {error}."
            least = problem.value(instance, solution)
            told = f"your last answer has the value {value}, and {least} is possible"
            needless = [one for one in given if one not in solution]
            if problem.ordered or not needless:
                return f"{told}."
            return f"{told}. A good answer is without {json.dumps(needless[0])}."
        return ""


def _read(text: str) -> list[object]:
    try:
        solution = json.loads(text)
    except (ValueError, RecursionError):
        solution = None
    if not isinstance(solution, list):
        raise ToolError("write one JSON list, such as [0, 2, 5].")
    return solution
