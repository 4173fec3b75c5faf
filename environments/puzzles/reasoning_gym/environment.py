"""``puzzles/reasoning-gym-v1``: any data set of reasoning-gym as an environment.

More than a hundred generators with scorers (Open-Thought, arXiv 2505.24760). Questions and scores
come from the package; this module adds disjoint splits, bounded scoring, attempts and hints.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from envgym.deadlines import Deadlines
from envgym.environments.attempts import calls
from envgym.environments.graded_hints import OPEN, agreement, call_text, graded, shares
from envgym.environments.puzzles.answer_env import AnswerEnv, Verdict, without_golds
from envgym.environments.puzzles.judging.process_pool import JudgePool
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
"""Entries per task of a split; the task is the first among them that belongs to the split."""


class ReasoningGym(AnswerEnv):
    """Question of a data set of the reasoning-gym package.

    More than a hundred generators with their own scorers (Open-Thought, arXiv 2505.24760); disjoint
    splits, bounded scoring, attempts and hints are added here.

    Actions:
        ``answer(text)``: the answer in the form that the question asks for.

    Observations:
        First the question. Then the score of the answer.

    Rewards:
        The increase of the best score so far; the data set's scorer gives scores in [0, 1].

    Episode end:
        Terminated by an answer of score 1.0 or the last attempt; truncated after 8 turns.

    Hints:
        The length of the answer; where the attempt's last answer first differs from it; its first
        quarter, half and three quarters. None where the data set states no answer.

    Info:
        Metrics of `ToolEnv`.

    Args:
        dataset: Name of the data set.
        config: Arguments of its configuration (sizes, difficulty).
        size: Number of entries to draw from; a training task takes 8 of them, a test task 64.
        seed: Seed of the data set.
        attempts: Maximum number of answers; the best one counts.
        max_turns: Turns before truncation; 8 by default.

    Version history:
        v1: first release.
    """

    deadlines = Deadlines(tool=600.0, step=660.0)  # may queue behind hostile answers of others
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
        self._judges: Shared[JudgePool] | None = None
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
        """Release the data set and the judge."""
        await self._shared.close()
        if self._judges is not None:
            await self._judges.close()

    async def judge(self, text: str) -> Verdict:
        """Score of the data set's own scorer."""
        answer = text.strip()
        if answer and answer == self.task.hidden["answer"]:
            return Verdict(1.0, "Right.")
        if self._judges is None:
            self._judges = JudgePool.shared(_JUDGE)
        asked = {key: self.task.hidden[key] for key in ("dataset", "arguments", "index")}
        reply = await self._judges.value.ask({**asked, "answer": answer})
        if reply is None or "failed" in reply:
            return Verdict(0.0, "That cannot be judged.")
        score = reply["score"]
        return Verdict(score, "Right." if score == 1.0 else f"That is worth {score:.2g} of 1.")

    async def oracle(self) -> AsyncIterator[Action]:
        """Answer with the data set's answer."""
        if self.task.hidden["answer"] is None:
            raise UsageError(f"{self.task.hidden['dataset']} gives no answers, it only judges them")
        yield Action.call("answer", text=self.task.hidden["answer"])

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Length of the answer, where an attempt goes wrong, a quarter to three quarters of it."""
        answer = self.task.hidden["answer"]
        if answer is None:
            return ()
        answer = answer.strip()
        words = len(answer.split())
        plan = f"the answer has {len(answer)} characters, in words or numbers {words}."
        parts = [answer[:count].rstrip() for count in shares(len(answer), 0.25, 0.5, 0.75)]
        cues = [f"{call_text('answer', text=part + OPEN)} begins right." for part in parts if part]
        hints = graded(self.task, attempt, plan, _first_mistake(answer, attempt), cues)
        return without_golds(hints, [answer])


def _first_mistake(answer: str, attempt: Episode | None) -> str:
    """The character at which the last answer first differs from the right one."""
    answers = calls(attempt, "answer")
    if not answers:
        return ""
    given = answers[-1].text("text").strip()
    same = agreement(given, answer)
    if same == len(answer):
        return "your last answer begins right and goes on too long."
    what = "ends too early, behind" if same == len(given) else "goes wrong after"
    return f"your last answer {what} the first {same} of {len(answer)} characters."
