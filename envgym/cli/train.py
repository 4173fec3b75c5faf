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
    dry: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Build everything, play and learn one group, and print the plan of the run: "
            "tokens, memory, time, and what looks wrong. Nothing is written.",
        ),
    ] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train an agent; metrics, episodes, checkpoints and a report go to the run's folder."""
    from envgym.trainers.recipe import load_config
    from envgym.trainers.run import train

    config = load_config(recipe, overrides)
    if dry:
        from envgym.trainers.running.dry_run import dry_run

        report = run(dry_run(config))
        if as_json:
            print(json.dumps({"plan": report.plan, "warnings": report.warnings}))
            return
        for name, value in report.plan.items():
            print(f"{name:>24}  {value}")
        for warning in report.warnings:
            print(f"warning: {warning}")
        return
    summary = run(train(config, resume=resume, fresh=fresh))
    if as_json:
        print(json.dumps(summary))
        return
    for name, scores in summary["eval"].items():
        print(f"{name:>12}: {scores['score']:.3f} ± {scores['stderr']:.3f}")
    print(f"{summary['wall_s']} s; see {config.directory / 'report.html'}")
