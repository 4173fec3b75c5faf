"""Measure success by level of hints: python -m scripts.hint_levels [ID …] -n 100.

`--recipe NAME` measures the agent of a training recipe after its warm start, in the recipe's
environment.

Each task is attempted without a hint first. Then it is played again from a reset, once for each
level k, with the k weakest hints on that attempt in view (k = 1 is the plan, the last level all
hints). A row holds the mean score with its standard error; tasks that have fewer hints than k keep
all of theirs.
"""

from __future__ import annotations

import asyncio
import math
import statistics
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

import envgym
from envgym.agent import Agent
from envgym.agents.oracle import OracleAgent
from envgym.agents.random_agent import RandomAgent
from envgym.env import Env
from envgym.errors import EnvgymError, UsageError, suggest
from envgym.rollout.runner import Rollout, RolloutLimits, Start
from envgym.trainers.build import make_env
from envgym.trainers.guidance.reroll import guiding_message
from envgym.trainers.loop import Trainer
from envgym.trainers.recipe import load_config
from scripts.hint_followers import GUESSES, HintFollower
from scripts.hint_learner import trained

TINY = "tiny"
AGENTS: dict[str, Callable[[], Agent]] = {
    "follower": HintFollower,
    "random": RandomAgent,
    "oracle": OracleAgent,
}


def main(
    ids: Annotated[list[str] | None, typer.Argument(help="Environments to measure; all.")] = None,
    tasks: Annotated[int, typer.Option("-n", min=1, help="Number of test tasks.")] = 100,
    agents: Annotated[
        str, typer.Option(help="Agents with commas between: random, follower, oracle, tiny.")
    ] = "random,follower",
    concurrency: Annotated[int, typer.Option(min=1, help="Episodes in flight at once.")] = 8,
    steps: Annotated[int, typer.Option(help="Number of steps that tiny imitates for.")] = 150,
    recipe: Annotated[str, typer.Option(help="Training recipe whose warm start to measure.")] = "",
) -> None:
    """Print a table of mean scores by level of hints."""
    if recipe:
        row = asyncio.run(_warm(recipe, tasks))
        print(", ".join(f"{mean:.2f} ± {error:.2f}" for mean, error in row))
        return
    for name in agents.split(","):
        if name not in (*AGENTS, TINY):
            raise UsageError(f"no agent {name!r}.{suggest(name, (*AGENTS, TINY))}")
    print("| environment | agent | hints | success by number of hints shown, 0 to all |")
    print("|---|---|---:|---|")
    for id in ids or GUESSES:
        for name in agents.split(","):
            try:
                row = asyncio.run(_measured(id, name, tasks, concurrency, steps))
            except EnvgymError as error:
                print(f"| `{id}` | {name} | | not measured: {error} |", flush=True)
                break
            figures = ", ".join(f"{mean:.2f} ± {error:.2f}" for mean, error in row)
            print(f"| `{id}` | {name} | {len(row) - 1} | {figures} |", flush=True)


async def _warm(recipe: str, tasks: int) -> list[tuple[float, float]]:
    config = load_config(recipe)
    trainer = Trainer(config)
    try:
        await trainer.warm_start()
        return await levels(lambda: make_env(config), trainer.agent, tasks, tasks)
    finally:
        await trainer.close()


async def _measured(
    id: str, name: str, tasks: int, concurrency: int, steps: int
) -> list[tuple[float, float]]:
    if name != TINY:
        return await levels(lambda: envgym.make(id), AGENTS[name](), tasks, concurrency)
    trainer = await trained(id, steps=steps, seed=0)
    try:
        return await levels(lambda: envgym.make(id), trainer.agent, tasks, tasks)
    finally:
        await trainer.close()


async def levels(
    make: Callable[[], Env[Any]], agent: Agent, tasks: int, concurrency: int
) -> list[tuple[float, float]]:
    """Mean scores with standard errors, by the number of hints shown."""
    rollout = Rollout(make, RolloutLimits(concurrency))
    env = make()
    try:
        source = env.tasks("test")
        starts = [Start(n, source[n], group=f"{n}") for n in range(min(tasks, len(source)))]
        attempts = (await rollout.run(starts, agent)).episodes
        told = {attempt.id: await rollout.hints(attempt) for attempt in attempts}
        starts = [start for start in starts if start.id in told]
        row = [_mean([attempt.score for attempt in attempts])]
        for level in range(1, max(map(len, told.values()), default=0) + 1):
            again = [
                start.again(
                    guidance=(guiding_message(told[start.id][:level], vanish=False),),
                    role="guided",
                )
                for start in starts
            ]
            played = await rollout.run(again, agent)
            row.append(_mean([episode.score for episode in played.episodes]))
        return row
    finally:
        await rollout.close()
        await env.close()


def _mean(scores: Sequence[float]) -> tuple[float, float]:
    """Mean and standard error."""
    error = statistics.stdev(scores) / math.sqrt(len(scores)) if len(scores) > 1 else math.nan
    return statistics.fmean(scores) if scores else math.nan, error


if __name__ == "__main__":
    typer.run(main)
