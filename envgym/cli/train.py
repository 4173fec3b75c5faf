"""Command ``envgym train``: run a training recipe."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from envgym.cli.options import Json, Verbose, run


def train_command(
    recipe: Annotated[str, typer.Argument(help="YAML file, or name of a shipped recipe.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Settings to override, as dotted field=value: learner.lr=1e-4"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(help="Continue from the last checkpoint; learner.steps may be larger."),
    ] = False,
    fresh: Annotated[
        bool, typer.Option(help="Remove an earlier run in the same folder first.")
    ] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train an agent; metrics, episodes, checkpoints and a report go to the run's folder."""
    from envgym.trainers.recipe import load_config
    from envgym.trainers.run import train

    config = load_config(recipe, overrides)
    summary = run(train(config, resume=resume, fresh=fresh))
    if as_json:
        print(json.dumps(summary))
        return
    for name, scores in summary["eval"].items():
        print(f"{name:>12}: {scores['score']:.3f} ± {scores['stderr']:.3f}")
    print(f"{summary['wall_s']} s; see {config.directory / 'report.html'}")
