"""Cost of guidance that never triggers: steps of the trainer with guidance and without, in turn.

Every episode scores at least 0.5, so that no group fails. Both trainers start from the same
weights, play the same episodes and make the same updates; the ratio of their processor times is
what guidance costs: `python -m benchmarks.train.untriggered_guidance`.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from envgym.env import Env
from envgym.messages import Action, Message, user
from envgym.task import Task
from envgym.trainers.config import Config
from envgym.trainers.loop import Trainer
from envgym.trajectory import Episode

ROUNDS = 12


class Parity(Env[Task]):
    """Messages of an even number of characters score 1, others 0.5, after four turns."""

    max_turns = 4

    def tasks(self, split: str = "train") -> Sequence[Task]:
        """Numbers to look at."""
        return [Task({"number": number}) for number in range(100)]

    async def start(self, task: Task) -> Sequence[Message]:
        """The number."""
        self._even = True
        return [user(f"The number is {task.data['number']}. " * 8)]

    async def act(self, action: Action) -> str:
        """Count, and end after four turns."""
        self._even &= len(action.text) % 2 == 0
        if self.turn == self.max_turns:
            self.end(1.0 if self._even else 0.5)
        return "Go on, and write one more line of whatever length seems best to you. " * 2

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """A hint that nobody asks for."""
        return ["count the characters."]


def trainer(folder: Path, **changes: object) -> Trainer:
    """Trainer on the tiny base model."""
    values = {
        "name": "bench",
        "torch_threads": 1,
        "output": str(folder),
        "env": {"id": "benchmarks.train.untriggered_guidance:Parity"},
        "model": {"kind": "pretrained"},
        "chat": {"dialect": "tags", "instructions": False},
        "rollout": {"tasks_per_step": 8, "group_size": 8, "max_tokens_per_turn": 16},
        "learner": {"steps": 1000, "lr": 1e-6, "max_idle_steps": 1000},
        "evaluation": {"tasks": 0},
    }
    return Trainer(Config.model_validate({**values, **changes}))


async def main() -> None:
    """Run steps of both in turn, the order alternating; print the ratio of their times."""
    with tempfile.TemporaryDirectory() as folder:
        both = {
            "none": trainer(Path(folder) / "none"),
            "guide": trainer(Path(folder) / "guide", guidance="guide", losses=["guide"]),
        }
        seconds: dict[str, list[float]] = {name: [] for name in both}
        for number in range(ROUNDS + 1):
            for name in list(both)[:: 1 if number % 2 else -1]:
                began = time.process_time()
                report, _ = await both[name].step()
                seconds[name].append(time.process_time() - began)
                if report["role/guided"] if "role/guided" in report else report["score"] < 0.5:
                    sys.exit("guidance was triggered: the bench measures nothing")
        for found in both.values():
            await found.close()
    ratios = [g / n for g, n in zip(seconds["guide"][1:], seconds["none"][1:], strict=True)]
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    print(f"processor seconds a step: {medians['none']:.3f} without, {medians['guide']:.3f} with")
    print(f"ratio, median of {ROUNDS} rounds: {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    asyncio.run(main())
