"""``puzzles/key-door-v1``: choose a key in the first turn; the reward comes after the last.

A corridor of adjustable length for the study of credit assignment. The first turn decides, the only
reward follows the last, and the steps between cost turns at most: dead ends to leave, signs to read
again. So learning depends on the credit given to the first choice. `step_reward` adds a naive
process reward that can be farmed.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from envgym.environments.attempts import calls
from envgym.environments.graded_hints import call_text, counted, graded, shares
from envgym.environments.puzzles.grid.grid_env import BoundedEnv
from envgym.environments.puzzles.grid.levels import levels
from envgym.errors import ToolError, UsageError
from envgym.messages import Action, Message, system, user
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

    A testbed for credit assignment over a chosen horizon: the first turn decides, the only reward
    follows the last one, and the steps between cost nothing but turns.

    Actions:
        ``take(key)``: take a key in the hall, in exchange for the one held.
        ``go(way)``: left, right, or back out of a dead end.
        ``read()``: read the sign again.
        ``open()``: open the chest.
        One action per message.

    Observations:
        The place, the side the draught comes from, the keys in the hall and the key held; the first
        message also names the key that the chest needs. The text is the state's name (`anchor`).

    Rewards:
        At the end the score: 1.0 where the key held fits, else 0.0. Plus ``step_reward`` per turn
        that the step verifier accepts, minus ``invalid_penalty`` per message with an invalid
        action.

    Episode end:
        Terminated by opening the chest; truncated after ``2 * (length + 2)`` turns.

    Hints:
        Where the decision is made and the number of turns needed; the attempt's first wrong step;
        the key to take, then the ways to go, all but the last.

    Info:
        Metrics ``right`` (steps that the step verifier accepts), ``astray`` (dead ends), ``reads``,
        ``invalid`` (messages) and those of `ToolEnv`. The difficulty of a task is ``length``.

    Args:
        seed: Seed of the corridors.
        levels: Number of corridors per split.
        length: Rooms to pass, the hall included, 1 to 100. The shortest solution takes
            ``length + 2`` turns.
        keys: Number of keys in the hall, 2 to 8.
        step_reward: Naive process reward per turn without a mistake: the right key, the right side,
            a sign read. Reading the sign again is never a mistake, so this reward can be farmed.
        oracle_reads: Probability that the oracle reads the sign before a step, as far as its turns
            allow. For demonstrations that contain the action.
        oracle_guesses: Probability that the oracle takes a random key and keeps it. For
            demonstrations that show the way but rarely the right key.
        invalid_penalty: Subtracted from the reward per message with an invalid action.
        max_turns: Turns before truncation; twice the shortest solution by default.

    Version history:
        v1: first release.
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
        """Corridors of the given length; difficulty is the length."""
        return levels(self._draw, count=self._levels, seed=f"keys:{self._seed}", split=split)

    def corpus_text(self) -> Iterator[str]:
        """Rules and observations, as training text for a tokenizer."""
        yield RULES
        for colour in COLOURS:
            yield f"The chest needs the {colour} key.\nThe hall. Keys: {colour}."
            yield f"Room 1. {DRAUGHT.format(side='right')} You hold the {colour} key."
        yield DRAUGHT.format(side="left")
        yield f"A dead end off the hall. You hold nothing.\n{SIGN}\nback\nThe chest stands here."

    async def start(self, task: Task) -> Sequence[Message]:
        """Rules, the key that the chest needs, and the hall."""
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
        """Solve the corridor, with the mistakes and sign readings that the options ask for."""
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
        """The whole path with each of the other keys, and with none."""
        ways = self.task.hidden["ways"]
        walk = [Action.call("go", way=_SIDES[way == "R"]) for way in ways] + [Action.call("open")]
        yield walk
        for key in self.task.data["keys"]:
            if key != self.task.data["chest"]:
                yield [Action.call("take", key=key), *walk]

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Plan with the number of turns, the first wrong step, the key and the first steps."""
        ways, chest = self.task.hidden["ways"], self.task.data["chest"]
        plan = (
            "what decides is done in the hall: the first message says which key; "
            f"{len(ways) + 2} turns are enough, without a dead end."
        )
        walk = [call_text("go", way=_SIDES[way == "R"]) for way in ways]
        cues = [f"begin with {call_text('take', key=chest)}, then follow the draught."]
        for count in shares(len(walk), 0.5, 1.0):
            steps = [call_text("take", key=chest), *walk[:count]]
            cues.append(f"begin with {', then '.join(steps)}.")
        return graded(self.task, attempt, plan, _first_mistake(self.task, attempt), cues)

    def _judge(self, right: bool) -> None:
        """Record the step verifier's verdict and add its reward."""
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
        """Observation text, which is also the state's name."""
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


def _first_mistake(task: Task, attempt: Episode | None) -> str:
    """The first wrong step of an attempt, or else where it ended."""
    if all(call.refused for call in calls(attempt)):
        return ""
    ways, chest = task.hidden["ways"], task.data["chest"]
    room, held, astray = 0, "", False
    for number, call in enumerate(calls(attempt), 1):
        if call.refused:
            continue
        wanted = call.text("way").strip().lower()
        if call.name == "take" and not (room or astray):
            key = call.text("key").strip().lower()
            held = key if key in task.data["keys"] else held
        elif call.name == "go" and held != chest:
            return f"call {number} left the hall with {_named(held)}: take the {chest} key before."
        elif call.name == "go" and astray:
            astray = wanted != "back"
        elif call.name == "go" and room < len(ways) and wanted in _SIDES:
            if wanted != _SIDES[ways[room] == "R"]:
                where = f"room {room}" if room else "the hall"
                return f"call {number} went {wanted} from {where}, against the draught."
            room += 1
    if room == len(ways):
        return "it ended at the chest without opening it."
    return f"it ended {counted(len(ways) - room, 'room')} before the chest."


def _named(key: str) -> str:
    return f"the {key} key" if key else "no key"
