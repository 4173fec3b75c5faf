"""Command ``envgym rollout``: play episodes and print a summary."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import envgym
from envgym.agent import Agent
from envgym.cli.agent_options import (
    AgentSettings,
    ApiKeyEnv,
    BaseUrl,
    Budget,
    Dialect,
    Fold,
    InputPrice,
    MaxTokens,
    Model,
    OutputPrice,
    RequestsPerMinute,
    TokensPerMinute,
)
from envgym.cli.options import EnvArgs, EnvId, Json, Verbose, env_arguments, run
from envgym.errors import Fault
from envgym.utils.progress import Progress


def rollout_command(
    env_id: EnvId,
    agent: Annotated[
        str, typer.Option(help="Kind of agent: oracle, random, local, openai or vllm.")
    ] = "oracle",
    episodes: Annotated[
        int, typer.Option("--episodes", "-n", min=1, help="Number of episodes to play.")
    ] = 100,
    model: Model = "",
    base_url: BaseUrl = "",
    api_key_env: ApiKeyEnv = "OPENAI_API_KEY",
    requests_per_minute: RequestsPerMinute = None,
    tokens_per_minute: TokensPerMinute = None,
    input_price: InputPrice = None,
    output_price: OutputPrice = None,
    budget: Budget = None,
    dialect: Dialect = "hermes",
    fold: Fold = "off",
    max_tokens: MaxTokens = 512,
    temperature: Annotated[
        float, typer.Option(min=0.0, help="Sampling temperature; 0 is greedy.")
    ] = 1.0,
    split: Annotated[str, typer.Option(help="Split to draw tasks from.")] = "train",
    seed: Annotated[int, typer.Option(help="Seed of tasks and sampling.")] = 0,
    concurrency: Annotated[
        int, typer.Option(min=1, help="Maximum number of concurrent episodes.")
    ] = 256,
    save: Annotated[Path | None, typer.Option(help="Folder to write the episodes to.")] = None,
    arg: EnvArgs = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Play episodes of an environment and report scores and faults."""
    make = lambda: envgym.make(env_id, **env_arguments(arg))  # noqa: E731
    endpoint = {
        "api_key_env": api_key_env,
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "input_price": input_price,
        "output_price": output_price,
        "budget": budget,
    }
    settings = AgentSettings(
        agent, model, base_url, dialect, fold, max_tokens, temperature, endpoint
    )
    actor = settings.build()
    report, stopped = run(_rollout(make, actor, episodes, split, seed, concurrency, save))
    chat = getattr(actor, "chat", None)
    chosen = {"dialect": chat.dialect.name} if chat is not None else {}
    report = {"id": env_id, "agent": agent, **chosen, **report}
    if as_json:
        print(json.dumps(report))
    else:
        console = Console()
        for name, value in report.items():
            console.print(f"{name:>14}  {value}")
    if stopped:
        raise Fault(stopped, "budget")


async def _rollout(
    make: Any,
    agent: Agent,
    episodes: int,
    split: str,
    seed: int,
    concurrency: int,
    save: Path | None,
) -> tuple[dict[str, Any], str]:
    """The summary, and why the rollout stopped early, if it did."""
    keep = make()  # holds the shared resources open between episodes
    roller = envgym.Rollout(make, envgym.RolloutLimits(concurrency=concurrency))
    try:
        if save is not None:
            from envgym.store.manifest import write_env

            write_env(save, keep.spec)  # before the play: a folder of other episodes is refused
        source = keep.tasks(split)
        starts = [
            envgym.Start(seed=seed + i, task=source[i % len(source)], group=f"{seed + i}")
            for i in range(episodes)
        ]
        with Progress(transient=True) as progress:
            show, done = progress.stage("episodes", episodes), itertools.count()
            result = await roller.run(starts, agent, lambda _: show(next(done)))
    finally:
        await agent.close()
        await roller.close()
        await keep.close()
    if save is not None:
        from envgym.store.episodes import EpisodeWriter

        EpisodeWriter(save).write([*result.episodes, *result.quarantined])
        if agent.chat is not None:
            agent.chat.tokenizer.save_pretrained(save / "tokenizer")  # to read tokens by
    played = result.episodes
    count = max(len(played), 1)
    report = {
        "episodes": len(played),
        "mean_score": sum(e.score for e in played) / count,
        "mean_reward": sum(e.reward for e in played) / count,
        "mean_turns": sum(len(e.turns) for e in played) / count,
        "faults": len(result.quarantined),
        "retried": result.retried,
        "stop_reasons": _counts(e.stop_reason.value for e in played),
        **agent.usage,
        "wall_s": round(result.wall_s, 3),
    }
    return report, result.stopped


def _counts(values: Any) -> dict[str, int]:
    return dict(Counter(values).most_common())
