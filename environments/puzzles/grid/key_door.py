"""``puzzles/key-door-v1``: take the right key at once; whether it was right shows only at the end.

A corridor for the study of credit assignment, its length a parameter. The choice that decides
stands in the first turn, the only reward behind the last, and between them lie steps that cost
turns at most: dead ends to come back from, signs to read once more. What a method credits the first
choice with is what it learns. With `step_reward` a naive process reward is paid, which can be
farmed.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from envgym.environments.puzzles.grid.grid_env import BoundedEnv
from envgym.environments.puzzles.grid.levels import levels
from envgym.errors import ToolError, UsageError
from envgym.messages import Action, Message, system, user
from envgym.stop_reason import StopReason
from envgym.task import Task, TaskSource
from envgym.tools import tool
from envgym.trajectory import Episode

COLOURS = ("black", "blue", "brown", "gold", "green", "red", "silver", "white")
RULES = (
    "A hall with keys, then a corridor of rooms, a chest behind the last. Take one key in the "
    "hall: there is no way back to it. Go on through the side the draught comes from; the other "
    "one is a dead end to go back from. Then open the chest. One step a message."
)
DRAUGHT = "A draught comes from the {side}."
SIGN = "The sign says: follow the draught."
_SIDES = ("left", "right")


class KeyDoor(BoundedEnv):
    """Corridor of rooms from a hall of keys to a chest that one of them opens.

    Opened with that key: score 1; with another, or out of turns: 0.

    Args:
        seed, levels: Of the corridors; so many in each split.
        length: Rooms to pass, the hall among them, 1 to 100. The shortest way is a turn for each,
            one for the key, one for the chest.
        keys: Keys in the hall, 2 to 8.
        step_reward: A naive process reward for each turn in which a verifier of single steps finds
            nothing wrong: the right key taken, the right side, a sign read. Reading a sign again is
            never wrong, so the reward can be farmed until the turns run out.
        oracle_reads: Chance that the oracle reads the sign before a step, in the turns that it can
            spare. For demonstrations: who has never seen the sign read does not come upon it.
        oracle_guesses: Chance that the oracle takes any key and keeps it. For demonstrations that
            show the way, and which key opens the chest too seldom to learn it well.
        invalid_penalty: Taken off the reward of a message in which something was no step.
        max_turns: Twice the shortest way unless given.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        levels: int = 2000,
        length: int = 4,
        keys: int = 3,
        step_reward: float = 0.0,
        oracle_reads: float = 0.0,
        oracle_guesses: float = 0.0,
        invalid_penalty: float = 0.0,
        max_turns: int | None = None,
    ) -> None:
        if not 1 <= length <= 100:
            raise UsageError(f"length must be within 1..100, not {length}")
        if not 2 <= keys <= len(COLOURS):
            raise UsageError(f"keys must be within 2..{len(COLOURS)}, not {keys}")
        super().__init__(
            max_actions=1,
            invalid_penalty=invalid_penalty,
            max_turns=2 * (length + 2) if max_turns is None else max_turns,
        )
        if self.max_turns < length + 2:
            raise UsageError(f"{length} rooms take {length + 2} turns: max_turns is too low")
        for name, chance in (("reads", oracle_reads), ("guesses", oracle_guesses)):
            if not 0 <= chance <= 1:
                raise UsageError(f"oracle_{name} is a chance, in [0, 1], not {chance}")
        self._oracle_reads, self._oracle_guesses = oracle_reads, oracle_guesses
        self._seed, self._levels = seed, levels
        self._length, self._keys, self._step_reward = length, keys, step_reward

    def tasks(self, split: str = "train") -> TaskSource:
        """Corridors of that length; difficulty is the length."""
        return levels(self._draw, count=self._levels, seed=f"keys:{self._seed}", split=split)

    def corpus_text(self) -> Iterator[str]:
        """The rules and what is seen on the way, for training a tokenizer."""
        yield RULES
        for colour in COLOURS:
            yield f"The chest needs the {colour} key.\nThe hall. Keys: {colour}."
            yield f"Room 1. {DRAUGHT.format(side='right')} You hold the {colour} key."
        yield DRAUGHT.format(side="left")
        yield f"A dead end off the hall. You hold nothing.\n{SIGN}\nback\nThe chest stands here."

    async def start(self, task: Task) -> Sequence[Message]:
        """The rules, what the chest needs, and the hall."""
        self._room, self._astray, self._held = 0, False, ""
        chest = f"The chest needs the {task.data['chest']} key."
        return system(RULES), user(f"{chest}\n{self._look()}")

    @tool
    async def take(self, key: str) -> str:
        """Take a key, instead of the one held.

        Args:
            key: Its colour.
        """
        self.spend()
        wanted = key.strip().lower()
        if self._room or self._astray:
            raise ToolError(f"there is no key here.\n{self._look()}")
        if wanted not in self.task.data["keys"]:
            raise ToolError(f"there is no such key.\n{self._look()}")
        self._held = wanted
        self._judge(wanted == self.task.data["chest"])
        return self._look()

    @tool
    async def go(self, way: str) -> str:
        """Go on: left or right; out of a dead end: back.

        Args:
            way: left, right or back.
        """
        self.spend()
        wanted = way.strip().lower()
        if wanted not in self._ways():
            raise ToolError(f"there is no such way.\n{self._look()}")
        if wanted == "back":
            self._astray = False
            self._judge(True)
        elif wanted == self._draught():
            self._room += 1
            self._judge(True)
        else:
            self._astray = True
            self._count("astray", 1)
            self._judge(False)
        return self._look()

    @tool
    async def read(self) -> str:
        """Read the sign on the wall again."""
        self.spend()
        self._count("reads", 1)
        self._judge(True)
        return f"{SIGN}\n{self._look()}"

    @tool
    async def open(self) -> str:
        """Open the chest."""
        self.spend()
        if self._room < self._length:
            raise ToolError(f"there is no chest here.\n{self._look()}")
        fits = self._held == self.task.data["chest"]
        self._judge(fits)
        self.end(float(fits))
        return "The chest is open." if fits else "It stays shut."

    async def oracle(self) -> AsyncIterator[Action]:
        """The key, the sides, the chest; how well, and with how many signs, the options say."""
        spare, key = self.max_turns - self._length - 2, self.task.data["chest"]
        if self._oracle_guesses and self.rng.random() < self._oracle_guesses:
            key = self.rng.choice(self.task.data["keys"])
        while not self.ended:
            if spare > 0 and self.rng.random() < self._oracle_reads:
                spare -= 1
                yield Action.call("read")
            elif self._held != key and not (self._room or self._astray):
                yield Action.call("take", key=key)
            elif self._room < self._length:
                yield Action.call("go", way="back" if self._astray else self._draught())
            else:
                yield Action.call("open")

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """The whole way with each of the other keys, and with none."""
        ways = self.task.hidden["ways"]
        walk = [Action.call("go", way=_SIDES[way == "R"]) for way in ways] + [Action.call("open")]
        yield walk
        for key in self.task.data["keys"]:
            if key != self.task.data["chest"]:
                yield [Action.call("take", key=key), *walk]

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """What matters, how many turns it takes, what comes first; first what went wrong."""
        hints = [
            "Hint: what decides is done in the hall.",
            f"Hint: {self._length + 2} turns are enough: no step twice, no dead end.",
            "Hint: the first message says which key; take that one before you go.",
        ]
        if attempt is not None and attempt.stop_reason is StopReason.MAX_TURNS:
            hints.insert(0, "Hint: the turns ran out before the chest.")
        elif attempt is not None:
            hints.insert(0, "Hint: you came to the chest without its key.")
        return hints

    def _judge(self, right: bool) -> None:
        """What the verifier of single steps says of this one, and what it pays."""
        if right:
            self._count("right", 1)
            self.add_reward(self._step_reward)

    def _draught(self) -> str:
        return _SIDES[self.task.hidden["ways"][self._room] == "R"]

    def _ways(self) -> Sequence[str]:
        if self._astray:
            return ("back",)
        return _SIDES if self._room < self._length else ()

    def _look(self) -> str:
        """What is to be seen: the state, whose name it is too."""
        if self._astray:
            place = f"A dead end off {self._name()}."
        elif self._room == self._length:
            place = "The chest stands here."
        else:
            place = f"{self._name().capitalize()}. {DRAUGHT.format(side=self._draught())}"
            if self._room == 0:
                place += f" Keys: {', '.join(self.task.data['keys'])}."
        self.anchor = f"{place} You hold {f'the {self._held} key' if self._held else 'nothing'}."
        return self.anchor

    def _name(self) -> str:
        return f"room {self._room}" if self._room else "the hall"

    def _draw(self, rng: random.Random) -> Task:
        keys = rng.sample(COLOURS, self._keys)
        ways = "".join(rng.choice("LR") for _ in range(self._length))
        return Task(
            {"chest": rng.choice(keys), "keys": keys}, {"ways": ways}, "train", self._length
        )
