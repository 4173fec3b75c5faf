"""``puzzles/knights-v1``: find out who tells the truth and who lies.

Knights & Knaves as in mem-kk-logic and Logic-RL, generated with exactly one solution. Feedback on a
wrong answer is one contradiction that it leads to, as a person would reason on.
"""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Iterable, Sequence

from envgym.environments.attempts import calls
from envgym.environments.graded_hints import OPEN, call_text, graded, shares
from envgym.environments.puzzles.answer_env import AnswerEnv, Verdict
from envgym.environments.puzzles.knights.puzzle import MAX_PEOPLE, NAMES, misfits, unique_puzzle
from envgym.environments.puzzles.knights.statements import english
from envgym.environments.puzzles.splits import Draft, generated
from envgym.errors import ToolError, UsageError
from envgym.messages import Action
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode

_SAYS = ("{} says: {}.", '{} said, "{}."', "{} remarks that {}.", 'According to {}, "{}."')
_LINE = re.compile(r"(?:\(?\d+[).]\s*)?(\w+) is a (knight|knave)\.?", re.IGNORECASE)


class Knights(AnswerEnv):
    """Logic puzzle: tell knights, who always speak the truth, from knaves, who always lie.

    Knights & Knaves as in mem-kk-logic and Logic-RL, generated with exactly one solution.

    Actions:
        ``answer(text)``: one line per person, such as ``(1) Ada is a knight``.

    Observations:
        First the people and their statements. After a wrong answer, one statement that contradicts
        it.

    Rewards:
        The score: 1.0 for the solution, 0.0 for anything else.

    Episode end:
        Terminated by the solution or the last attempt; truncated after 8 turns.

    Hints:
        A method of reasoning and the person to begin with; a contradiction of the attempt's last
        answer; the kinds of half of the people, then of all but one.

    Info:
        Metrics of `ToolEnv`. The difficulty of a task is its number of people.

    Args:
        people: Numbers of people to draw from, each 2 to 8.
        depth: Nesting of statements: 1 joins plain statements, 2 joins joined ones.
        seed: Seed of the puzzles.
        attempts: Maximum number of answers. Use 1 with two people, who have only four solutions.
        max_turns: Turns before truncation; 8 by default.

    Version history:
        v1: first release.
    """

    instructions = (
        "On an island everybody is either a knight, who always tells the truth, or a knave, who "
        "always lies. Find out who is what. Answer with one line for each, such as\n"
        "(1) Ada is a knight\n(2) Ben is a knave"
    )

    def __init__(
        self,
        *,
        people: Sequence[int] = (3, 4, 5),
        depth: int = 2,
        seed: int = 0,
        attempts: int = 2,
        max_turns: int | None = None,
    ) -> None:
        super().__init__(attempts=attempts, max_turns=max_turns)
        if not people or not set(people) <= set(range(2, MAX_PEOPLE + 1)):
            raise UsageError(f"people must be within 2..{MAX_PEOPLE}, not {list(people)}")
        if depth not in (1, 2):
            raise UsageError(f"depth must be 1 or 2, not {depth}")
        self._people = tuple(sorted(set(people)))
        self._depth = depth
        self._seed = seed

    def tasks(self, split: str = "train") -> TaskSource:
        """Puzzles; difficulty is the number of people."""
        return generated(self._make, split, self._seed)

    def _make(self, rng: random.Random) -> Draft:
        people = rng.choice(self._people)
        statements, knights = unique_puzzle(rng, people, self._depth)
        names = rng.sample(NAMES, people)
        lines = [
            rng.choice(_SAYS).format(name, english(statement, names))
            for name, statement in zip(names, statements, strict=True)
        ]
        data = {"names": names, "statements": statements, "text": lines}
        return data, {"answer": _written(names, knights)}, people

    def puzzle(self, task: Task) -> str:
        """People and their statements."""
        *others, last = task.data["names"]
        people = f"{', '.join(others)} and {last}"
        return "\n".join([f"You meet {people}.", *task.data["text"], "Who is what?"])

    async def judge(self, text: str) -> Verdict:
        """Score all or nothing; feedback names one person whose statement contradicts it."""
        names = self.task.data["names"]
        knights = _read(text, names)
        wrong = misfits(self.task.data["statements"], knights)
        if not wrong:
            return Verdict(1.0, "Right.")
        kind, truth = ("knight", "false") if knights[wrong[0]] else ("knave", "true")
        name = names[wrong[0]]
        return Verdict(0.0, f"That cannot be: what {name}, a {kind}, says would be {truth}.")

    async def oracle(self) -> AsyncIterator[Action]:
        """The solution."""
        yield Action.call("answer", text=self.task.hidden["answer"])

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """The solution with one person flipped, each in turn, and with all flipped."""
        names = self.task.data["names"]
        knights = _read(self.task.hidden["answer"], names)
        flips = [[n] for n in range(len(names))] + [list(range(len(names)))]
        for flip in flips:
            wrong = [kind != (n in flip) for n, kind in enumerate(knights)]
            yield (Action.call("answer", text=_written(names, wrong)),)

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Method and person to begin with, a contradiction, the kinds of half, of all but one."""
        names, lines = self.task.data["names"], self.task.hidden["answer"].splitlines()
        statements = self.task.data["statements"]
        short = min(range(len(names)), key=lambda i: len(str(statements[i])))
        plan = (
            "suppose that somebody is a knight and follow what that makes the others; where it "
            "leads to a contradiction, he is a knave. "
            f"Begin with {names[short]}, whose words are the simplest."
        )
        cues = [
            f"{call_text('answer', text=chr(10).join([*lines[:count], OPEN]))} begins right."
            for count in shares(len(names), 0.5, 1.0)
        ]
        return graded(self.task, attempt, plan, self._contradiction(attempt), cues)

    def _contradiction(self, attempt: Episode | None) -> str:
        """The first contradiction of the last answer that can be read."""
        names, statements = self.task.data["names"], self.task.data["statements"]
        for call in reversed(calls(attempt, "answer")):
            try:
                knights = _read(call.text("text")[: self.max_chars], names)
            except ToolError:
                continue
            if wrong := misfits(statements, knights):
                kind, truth = ("knight", "false") if knights[wrong[0]] else ("knave", "true")
                return (
                    f"your last answer contradicts what {len(wrong)} of {len(names)} people say: "
                    f"it makes {names[wrong[0]]} a {kind}, but then it would be {truth} that "
                    f"{english(statements[wrong[0]], names)}."
                )
        return ""


def _written(names: Sequence[str], knights: Sequence[bool]) -> str:
    return "\n".join(
        f"({number}) {name} is a {'knight' if knight else 'knave'}"
        for number, (name, knight) in enumerate(zip(names, knights, strict=True), 1)
    )


def _read(text: str, names: Sequence[str]) -> list[bool]:
    """Parse an answer: exactly one line per person."""
    kinds: dict[str, bool] = {}
    for line in filter(None, map(str.strip, re.split(r"[\n,;]", text))):
        found = _LINE.fullmatch(line)
        name = found[1].capitalize() if found else ""
        if found is None or name not in names or name in kinds:
            raise ToolError(f"write one line for each, such as: (1) {names[0]} is a knight")
        kinds[name] = found[2].lower() == "knight"
    if len(kinds) != len(names):
        raise ToolError(f"say of each of {', '.join(names)} what they are.")
    return [kinds[name] for name in names]
