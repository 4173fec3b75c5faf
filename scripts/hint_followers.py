"""Agent that follows hints: the calls that a hint names, and chance for all that it leaves open.

It knows the rules of an environment (which calls exist, what form an answer has) and plans nothing:
what it solves beyond chance, the hints gave it. So it bounds what a level of hints is worth to an
agent without skill, while the oracle bounds what skill is worth without hints.
"""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Callable, Sequence
from typing import Any

from envgym.agent import Agent, Completion, Context
from envgym.env import Env
from envgym.environments.graded_hints import OPEN
from envgym.environments.puzzles.grid.grid import MOVES
from envgym.environments.puzzles.strings.chain import run_call
from envgym.messages import Action

_CALL = re.compile(r'(\w+)\((\w+)=("(?:[^"\\]|\\.)*")\)')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NAMES = re.compile(r"(?:[A-Z][\w'-]*(?: [A-Z][\w'-]*)*|\b\d{4}\b)")

Guess = Callable[[Context, str, int, random.Random], Action]
"""Next action, from the context, the strongest hint shown, the number of the turn and chance."""


class HintFollower(Agent):
    """Agent that makes the calls which the strongest shown hint names, and guesses the rest."""

    def __init__(self) -> None:
        self._guesses: dict[str, Guess] = {}
        self._turns: dict[str, int] = {}

    async def begin(self, session: str, env: Env[Any]) -> None:
        """Choose the rules by the environment's id."""
        self._guesses[session] = GUESSES[env.spec.id]
        self._turns[session] = 0

    async def act(self, context: Context) -> Completion:
        """Follow the last hint, or guess."""
        told = [m.content for m in context.messages if m.kind in ("hint", "shown")]
        turn = self._turns[context.session]
        self._turns[context.session] += 1
        rng = random.Random(context.seed)
        guess = self._guesses[context.session]
        return Completion(action=guess(context, "\n".join(told), turn, rng))

    async def end(self, session: str) -> None:
        """Forget the session."""
        self._guesses.pop(session, None)
        self._turns.pop(session, None)


def named_calls(told: str) -> list[tuple[str, str, str]]:
    """Calls of the last line that names any: tool, argument, value."""
    lines = [_CALL.findall(line) for line in told.splitlines()]
    last = next((found for found in reversed(lines) if found), [])
    return [(name, argument, json.loads(value)) for name, argument, value in last]


def moves(context: Context, told: str, turn: int, rng: random.Random) -> Action:
    """Named moves first, then one random move a message."""
    named = named_calls(told)
    if turn < len(named):
        return Action.call("move", directions=named[turn][2])
    return Action.call("move", directions=rng.choice([*MOVES]))


def corridor(context: Context, told: str, turn: int, rng: random.Random) -> Action:
    """Named steps first, then a random key, random sides, and the chest where it stands."""
    named = named_calls(told)
    if turn < len(named):
        name, argument, value = named[turn]
        return Action.call(name, **{argument: value})
    seen = next(m.content for m in reversed(context.messages) if m.role in ("user", "tool"))
    if "chest stands here" in seen:
        return Action.call("open")
    if "dead end" in seen:
        return Action.call("go", way="back")
    keys = re.search(r"Keys: ([\w, ]+)\.", seen)
    if keys and "nothing" in seen:
        return Action.call("take", key=rng.choice(keys[1].split(", ")))
    return Action.call("go", way=rng.choice(("left", "right")))


def knights(context: Context, told: str, turn: int, rng: random.Random) -> Action:
    """Named people as named, the others by chance."""
    people = next(m.content for m in context.messages if m.content.startswith("You meet "))
    names = re.split(r", | and ", people.splitlines()[0].removeprefix("You meet ").rstrip("."))
    known = dict(re.findall(r"(\w+) is a (knight|knave)$", _answer(told), re.MULTILINE))
    kinds = {name: known.get(name) or rng.choice(("knight", "knave")) for name in names}
    return Action.call("answer", text="\n".join(f"{name} is a {kinds[name]}" for name in names))


def numbers(context: Context, told: str, turn: int, rng: random.Random) -> Action:
    """One of the numbers of hints and problem; behind a named beginning, digits by chance."""
    begun = _answer(told).rstrip(OPEN)
    if begun:
        size = re.search(r"of (\d+) digit", told) or re.search(r"has (\d+) characters", told)
        left = int(size[1]) - len(begun) if size else 1
        return Action.call("answer", text=begun + _drawn(rng, string.digits, left))
    text = told or "\n".join(m.content for m in context.messages[1:])
    return Action.call("answer", text=rng.choice(_NUMBER.findall(text) or ["0"]))


def selections(context: Context, told: str, turn: int, rng: random.Random) -> Action:
    """The named part of a solution as it is; without one, a few small numbers by chance."""
    begun = _answer(told)
    if begun:
        return Action.call("answer", text=begun.replace(f", {OPEN}", ""))
    return Action.call("answer", text=json.dumps(rng.sample(range(10), rng.randint(1, 5))))


def texts(context: Context, told: str, turn: int, rng: random.Random) -> Action:
    """One step worked out where a hint names it; else a value that hints or the puzzle name."""
    if step := re.search(r"the last step is (.*)\.$", told, re.MULTILINE):
        return Action.call("answer", text=run_call(step[1]))
    values = re.findall(r" gives (\S+)\.", told) or re.findall(
        r'main_solution\("(.*?)"\)', context.messages[1].content
    )
    return Action.call("answer", text=values[-1] if values else "")


def pages(context: Context, told: str, turn: int, rng: random.Random) -> Action:
    """Named pages first, then a name or year of the last page seen."""
    named = named_calls(told)
    if turn < len(named):
        return Action.call("access", title=named[turn][2])
    seen = next(m.content for m in reversed(context.messages) if m.role in ("user", "tool"))
    return Action.call("answer", text=rng.choice(_NAMES.findall(seen.partition(": ")[2]) or ["?"]))


def programs(context: Context, told: str, turn: int, rng: random.Random) -> Action:
    """The named part of a program with a last line by chance."""
    begun = (re.findall(r"```\n(.*?)\n```", told, re.DOTALL) or [""])[-1]
    endings = ("    return value", "print(result)", 'print(" ".join(map(str, result)))')
    indented = begun.rsplit("\n", 1)[-1].startswith(" ")
    ending = endings[0] if indented else rng.choice(endings[1:])
    return Action.call("submit", code=f"{begun}\n{ending}\n")


def exercises(context: Context, told: str, turn: int, rng: random.Random) -> Action:
    """The named part of a program with its last line, or of a value with characters by chance."""
    if "```" in told:
        submitted = programs(context, told, turn, rng).tool_calls[0].arguments or {}
        return Action.call("answer", text=submitted["code"])
    begun = _answer(told).rstrip(OPEN)
    closing = "]" if begun.startswith("[") else begun[:1] if begun[:1] in ("'", '"') else ""
    return Action.call("answer", text=f"{begun}{rng.choice(string.digits)}{closing}")


def designs(context: Context, told: str, turn: int, rng: random.Random) -> Action:
    """The design that the hint begins, with a last line by chance: an end, or an assignment."""
    _, _, begun = told.rpartition("submit a design that begins like this:\n")
    shown = [line for line in begun.splitlines() if line.strip() != "…"]
    names = re.findall(r"\w+", begun) or ["x"]
    last = rng.choice(["end", f"assign {rng.choice(names)} = {rng.choice(names)};"])
    return Action.call("submit", design="\n".join([*shown, last, "endmodule"]))


def _answer(told: str) -> str:
    """Value of the last `answer` that hints name; empty without one."""
    return next((value for name, _, value in named_calls(told) if name == "answer"), "")


def _drawn(rng: random.Random, letters: Sequence[str], count: int) -> str:
    return "".join(rng.choices(letters, k=max(count, 0)))


GUESSES: dict[str, Guess] = {
    "code/python-v1": programs,
    "code/reason-v1": exercises,
    "puzzles/frozen-lake-v1": moves,
    "puzzles/key-door-v1": corridor,
    "puzzles/knights-v1": knights,
    "puzzles/math-v1": numbers,
    "puzzles/np-v1": selections,
    "puzzles/reasoning-gym-v1": numbers,
    "puzzles/sokoban-v1": moves,
    "puzzles/strings-v1": texts,
    "search/wiki-v1": pages,
    "verilog/design-v1": designs,
}
"""Rules by environment."""
