"""Evaluation of an agent on the tasks of an environment, stored and resumed where asked."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import envgym
from envgym.cli.agent_options import AgentSettings
from envgym.errors import Fault, UsageError
from envgym.rollout.runner import Rollout, RolloutLimits, RolloutResult
from envgym.utils.progress import Progress

if TYPE_CHECKING:
    from envgym.trainers.running.evaluate import Scores


@dataclass(frozen=True)
class EvaluationSettings:
    """Settings of an evaluation.

    Raises:
        UsageError: A local model would sample several equal episodes of a task.
    """

    env_id: str
    arguments: dict[str, Any]
    agent: AgentSettings
    tasks: int
    samples: int
    split: str
    seed: int
    concurrency: int

    def __post_init__(self) -> None:
        if self.samples > 1 and self.agent.temperature == 0 and self.agent.kind == "local":
            raise UsageError(
                f"{self.samples} episodes of a task are equal at temperature 0: set --temperature "
                "to 1, say, or --samples to 1"
            )

    def plan(self) -> dict[str, Any]:
        """Settings that make two evaluations comparable; where a model is served is none."""
        agent = self.agent
        return {
            "env": self.env_id,
            "arguments": self.arguments,
            "split": self.split,
            "tasks": self.tasks,
            "samples": self.samples,
            "seed": self.seed,
            "agent": agent.kind,
            "model": agent.model,
            "temperature": agent.temperature,
            "max_tokens": agent.max_tokens,
            "dialect": agent.dialect,
            "fold": agent.fold,
        }


async def evaluate_agent(
    settings: EvaluationSettings, save: Path | None = None, resume: bool = False
) -> tuple[Scores, RolloutResult, dict[str, float]]:
    """Play the tasks and score the episodes.

    Args:
        save: Folder to store the evaluation in.
        resume: Whether to go on with the evaluation in that folder.

    Returns:
        The scores of all episodes, stored ones included; the rollout of this call; and what its
        agent used, in tries that were repeated too.
    """
    from envgym.store.manifest import write_env
    from envgym.trainers.running.evaluate import evaluation_starts, pick_tasks, summarise
    from envgym.trainers.running.stored_evaluation import StoredEvaluation

    if resume and save is None:
        raise UsageError("--resume goes on with the evaluation in a folder: name it by --save")
    stored = StoredEvaluation(save, settings.plan(), resume=resume) if save else None
    agent = _within_budget(settings.agent, stored.usage if stored else {}).build()
    make = lambda: envgym.make(settings.env_id, **settings.arguments)  # noqa: E731
    rollout = Rollout(make, RolloutLimits(concurrency=settings.concurrency))
    try:
        async with make() as env:  # holds the shared resources open between episodes
            if stored:
                write_env(stored.folder, env.spec)
                if agent.chat is not None:
                    agent.chat.tokenizer.save_pretrained(stored.folder / "tokenizer")
            tasks = pick_tasks(env.tasks(settings.split), settings.tasks)
            starts = evaluation_starts(tasks, settings.samples, settings.seed)
            left, done = len(stored.left(starts)) if stored else len(starts), count()
            with Progress(transient=True) as progress:
                show = progress.stage("episodes", left)
                if stored:
                    play = stored.play(rollout, agent, starts, lambda _: show(next(done)))
                    scores, result = await play
                else:
                    result = await rollout.run(starts, agent, lambda _: show(next(done)))
                    scores = summarise(result, settings.samples, len(starts))
                return scores, result, agent.usage
    finally:
        await agent.close()
        await rollout.close()


def _within_budget(agent: AgentSettings, spent: dict[str, float]) -> AgentSettings:
    """The agent with the part of its budget that stored episodes left."""
    budget, cost = agent.endpoint.get("budget"), spent.get("cost", 0.0)
    if budget is None or not cost:
        return agent
    if cost >= budget:
        raise Fault(f"the budget of {budget:g} is spent: stored episodes cost {cost:.6g}", "budget")
    return dataclasses.replace(agent, endpoint={**agent.endpoint, "budget": budget - cost})
