"""Command ``envgym eval``: score a trained model on held-out tasks."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from envgym.cli.options import Json, Verbose, run
from envgym.errors import UsageError
from envgym.utils.progress import Progress


def eval_command(
    run_folder: Annotated[Path, typer.Argument(help="Folder of a training run.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Settings to override, as dotted field=value.")
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Evaluate a run's model with the run's own settings, unless overridden."""
    from envgym.trainers.loop import Trainer
    from envgym.trainers.recipe import load_config

    model = run_folder / "model"
    if not model.is_dir():
        raise UsageError(f"{run_folder} holds no finished run: train one, or resume it first")
    config = load_config(
        run_folder / "config.yaml",
        [f"model={{kind: pretrained, path: {model}}}", *(overrides or [])],
    )

    async def work() -> dict[str, object]:
        trainer, settings = Trainer(config), config.evaluation
        try:
            with Progress(transient=True) as progress:
                show = progress.stage("episodes", settings.tasks * settings.samples)
                played = count()
                scores, _ = await trainer.evaluate(lambda _: show(next(played)))
        finally:
            await trainer.close()
        return scores.to_json()

    scores = run(work())
    print(json.dumps(scores) if as_json else "\n".join(f"{k:>14}  {v}" for k, v in scores.items()))
