"""Command ``envgym eval``: score a trained model, or any agent, on held-out tasks."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from envgym.cli.evaluation.agent import EvaluationSettings, evaluate_agent
from envgym.cli.evaluation.scores_table import scores_table
from envgym.cli.options import EnvArgs, Json, Verbose, env_arguments, run
from envgym.errors import Fault, UsageError
from envgym.utils.progress import Progress

if TYPE_CHECKING:
    from envgym.trainers.running.evaluate import Scores


def eval_command(
    target: Annotated[
        str, typer.Argument(help="Folder of a training run; with --agent, an environment id.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Settings of a run to override, as dotted field=value."),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(help="Kind of agent to evaluate: oracle, random, local or openai."),
    ] = None,
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
        float | None,
        typer.Option(min=0.0, help="Sampling temperature; 0 for one sample a task, else 1."),
    ] = None,
    tasks: Annotated[int, typer.Option(min=1, help="Number of tasks, spread evenly.")] = 256,
    samples: Annotated[int, typer.Option(min=1, help="Number of episodes per task.")] = 1,
    split: Annotated[str, typer.Option(help="Split to take the tasks from.")] = "test",
    seed: Annotated[int, typer.Option(help="Seed of tasks and sampling.")] = 0,
    concurrency: Annotated[
        int, typer.Option(min=1, help="Maximum number of concurrent episodes.")
    ] = 256,
    save: Annotated[
        Path | None, typer.Option(help="Folder to write episodes and scores to, as they come.")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on with the evaluation in --save; play what is missing.")
    ] = False,
    arg: EnvArgs = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Score a run's model with the run's own settings, or an agent in an environment."""
    if agent is None:
        scores = run(_evaluate_run(Path(target), overrides or []))
        print(json.dumps(scores.to_json()) if as_json else scores_table(scores))
        return
    if overrides:
        raise UsageError(f"{overrides[0]}: arguments of an environment are given as --arg")
    endpoint = {
        "api_key_env": api_key_env,
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "input_price": input_price,
        "output_price": output_price,
        "budget": budget,
    }
    if temperature is None:
        temperature = 0.0 if samples == 1 else 1.0
    settings = EvaluationSettings(
        env_id=target,
        arguments=env_arguments(arg),
        agent=AgentSettings(
            agent, model, base_url, dialect, fold, max_tokens, temperature, endpoint
        ),
        tasks=tasks,
        samples=samples,
        split=split,
        seed=seed,
        concurrency=concurrency,
    )
    scores, played, spent = run(evaluate_agent(settings, save, resume))
    if as_json:
        call = {"retried": played.retried, "spent": spent, "wall_s": round(played.wall_s, 3)}
        print(json.dumps({"plan": settings.plan(), "scores": scores.to_json(), **call}))
    else:
        print(scores_table(scores, played.retried, spent))
    if played.stopped:
        raise Fault(played.stopped, "budget")


async def _evaluate_run(folder: Path, overrides: list[str]) -> Scores:
    from envgym.trainers.loop import Trainer
    from envgym.trainers.recipe import load_config

    model = folder / "model"
    if not model.is_dir():
        raise UsageError(
            f"{folder} holds no finished run: train one, or resume it first (an environment is "
            "evaluated with --agent)"
        )
    config = load_config(
        folder / "config.yaml", [f"model={{kind: pretrained, path: {model}}}", *overrides]
    )
    trainer, settings = Trainer(config), config.evaluation
    try:
        with Progress(transient=True) as progress:
            show = progress.stage("episodes", settings.tasks * settings.samples)
            played = count()
            scores, _ = await trainer.evaluate(lambda _: show(next(played)))
    finally:
        await trainer.close()
    return scores
