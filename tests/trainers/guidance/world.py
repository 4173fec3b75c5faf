"""An environment with graded hints, and an agent that needs a number of them per task."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from envgym.agent import Agent, Completion, Context
from envgym.env import Env
from envgym.messages import Action
from envgym.rollout.runner import Rollout, Start
from envgym.task import Task, TaskSource
from envgym.trainers.collection.player import Player
from envgym.trajectory import Episode

HINTS = ("Hint: it is a word.", "Hint: it is a greeting.", "Hint: it has five letters.")


class Vault(Env[Task]):
    """Say the word. Right: score 1; nearly right: a reward without a score."""

    max_turns = 1

    def tasks(self, split: str = "train") -> Sequence[Task]:
        return TaskSource.rows([Task({"needs": n}, {"answer": "hello"}) for n in range(9)])

    async def start(self, task: Task) -> str:
        return f"Door {task.data['needs']}."

    async def act(self, action: Action) -> str:
        right = action.text == self.task.hidden["answer"]
        self.end(float(right), reward=1.0 if right else float(len(action.text)))
        return ""

    async def oracle(self) -> AsyncIterator[Action]:
        yield Action(self.task.hidden["answer"])

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        return (f"Hint: not {attempt.turns[0].text!r}.", *HINTS) if attempt is not None else HINTS


class Hinted(Agent):
    """Opens the door N if its context holds N hints; else says how many it saw."""

    chat = None

    def __init__(self) -> None:
        self.acts = 0
        self.seen: list[tuple[str, ...]] = []

    async def act(self, context: Context) -> Completion:
        self.acts += 1
        told = "\n".join(m.content for m in context.messages)
        hints = tuple(line for line in told.split("\n") if line.startswith("Hint:"))
        self.seen.append(hints)
        needs = int(context.messages[0].content.split()[1].rstrip("."))
        return Completion(text="hello" if len(hints) >= needs else "x" * (1 + len(hints)))


class Game:
    """A player in the vault, with what it costs."""

    def __init__(self, env: type[Env[Any]] = Vault) -> None:
        self.agent = Hinted()
        self.player = Player(Rollout(env), self.agent)

    @staticmethod
    def starts(*doors: int, members: int = 2) -> list[Start]:
        """Starts of groups of two, one for each door."""
        tasks = Vault().tasks()
        return [
            Start(seed=7, task=tasks[door], group=f"0.0.{door}", member=member)
            for door in doors
            for member in range(members)
        ]


def parts(episodes: Sequence[Episode]) -> list[tuple[str, str, str, float]]:
    """Each episode's group, role, guide and score."""
    return [(e.group, e.role, e.guided_by, e.score) for e in episodes]
