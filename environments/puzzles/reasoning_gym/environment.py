"""``puzzles/reasoning-gym-v1``: any dataset of reasoning-gym as an environment.

Over a hundred generators with scorers (Open-Thought, arXiv 2505.24760). Questions and scores are
theirs; splits that cannot meet, bounded scoring, attempts and hints are added here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from envgym.deadlines import Deadlines
from envgym.environments.puzzles.answer_env import Attempts, Verdict, untold
from envgym.environments.puzzles.judging.process_pool import Judges
from envgym.environments.puzzles.reasoning_gym.entries import Entries, expected
from envgym.environments.puzzles.splits import split_of
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.resources import Shared
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode
from envgym.utils.splits import check_split

_JUDGE = "envgym.environments.puzzles.reasoning_gym.judge"
BLOCKS = {"train": 8, "test": 64}
"""Entries among which the first one of a task's split is looked for."""


class ReasoningGym(Attempts):
    """Question of a data set of the reasoning-gym package.

    Args:
        dataset: Its name.
        config: Arguments of its configuration (sizes, difficulty).
        size: Entries drawn from: an eighth as many training tasks, a 64th as many test tasks.
        seed: Of the dataset.
        attempts: Answers that may be given.
    """

    deadlines = Deadlines(tool=600.0, step=660.0)  # others' hostile answers may stand before it
    instructions = "Answer the question. Give only the answer, in the form that it asks for."

    def __init__(
        self,
        *,
        dataset: str = "chain_sum",
        config: Mapping[str, Any] | None = None,
        size: int = 8000,
        seed: int = 0,
        attempts: int = 1,
        max_turns: int | None = None,
    ) -> None:
        super().__init__(attempts=attempts, max_turns=max_turns)
        if find_spec("reasoning_gym") is None:
            raise UsageError(
                "puzzles/reasoning-gym-v1 needs reasoning-gym: pip install 'envgym[reasoning-gym]'"
            )
        if size < BLOCKS["test"]:
            raise UsageError(f"size must be at least {BLOCKS['test']}, not {size}")
        if clash := {"seed", "size"} & set(config or {}):
            raise UsageError(f"give {sorted(clash)} to the environment, not in config")
        arguments = {**(config or {}), "seed": seed, "size": size}
        self._size = size
        self._judges: Shared[Judges] | None = None
        self._shared: Shared[Entries] = Shared(
            ("puzzles/reasoning-gym", dataset, json.dumps(arguments, sort_keys=True)),
            lambda: Entries.open(dataset, arguments),
        )

    def tasks(self, split: str = "train") -> TaskSource:
        """Entries whose question belongs to the split."""
        check_split(split)
        return TaskSource(self._size // BLOCKS[split], lambda number: self._task(number, split))

    def _task(self, number: int, split: str) -> Task:
        entries, block = self._shared.value, BLOCKS[split]
        for index in range(number * block, (number + 1) * block):
            entry = entries.entry(index)
            data = {"question": entry["question"]}
            if split_of(data) == split:
                hidden = {
                    "answer": expected(entry),
                    "dataset": entries.name,
                    "arguments": dict(entries.arguments),
                    "index": index,
                }
                return Task(data, hidden, split)
        raise UsageError(f"{entries.name} has too few different questions for a {split} split")

    def puzzle(self, task: Task) -> str:
        """The question."""
        return task.data["question"]

    async def stop(self) -> None:
        """Let go of the dataset and of the judge."""
        await self._shared.close()
        if self._judges is not None:
            await self._judges.close()

    async def judge(self, text: str) -> Verdict:
        """The score that the dataset gives."""
        answer = text.strip()
        if answer and answer == self.task.hidden["answer"]:
            return Verdict(1.0, "Right.")
        if self._judges is None:
            self._judges = Judges.shared(_JUDGE)
        asked = {key: self.task.hidden[key] for key in ("dataset", "arguments", "index")}
        reply = await self._judges.value.ask({**asked, "answer": answer})
        if reply is None or "failed" in reply:
            return Verdict(0.0, "That cannot be judged.")
        score = reply["score"]
        return Verdict(score, "Right." if score == 1.0 else f"That is worth {score:.2g} of 1.")

    async def oracle(self) -> AsyncIterator[Action]:
        """The dataset's answer."""
        if self.task.hidden["answer"] is None:
            raise UsageError(f"{self.task.hidden['dataset']} gives no answers, it only judges them")
        yield Action.call("answer", text=self.task.hidden["answer"])

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """How long the answer is, and the first quarter and third of a long one."""
        answer = self.task.hidden["answer"]
        if answer is None:
            return ()
        parts = [answer[: len(answer) // share].strip() for share in (4, 3)]
        hints = [
            f"Hint: the answer has {len(answer)} characters, in words or numbers "
            f"{len(answer.split())}.",
            *(f"Hint: it begins with {part}" for part in dict.fromkeys(parts) if part),
        ]
        return untold(hints, [answer])
