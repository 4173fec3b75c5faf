"""Command ``envgym check``: check an environment against the contract."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from envgym.cli.options import EnvArgs, EnvId, Json, Verbose, env_arguments, run
from envgym.registry import make
from envgym.utils.progress import Progress

Episodes = Annotated[
    int, typer.Option(help="Number of tasks per split, and of seeds, that each check uses.", min=2)
]
Company = Annotated[
    int,
    typer.Option(
        "--neighbours",
        "--company",
        help="Number of live neighbour instances during the isolation check; lower it where each "
        "instance needs a process of its own.",
        min=1,
    ),
]


def check_command(
    env_id: EnvId,
    arg: EnvArgs = None,
    episodes: Episodes = 4,
    company: Company = 1000,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Check an environment against the contract; each failure names its likely fix."""
    from envgym.checker import CHECKS, check

    arguments = env_arguments(arg)
    with Progress(transient=True) as progress:
        show = progress.stage("checks", len(CHECKS))
        report = run(
            check(
                lambda: make(env_id, **arguments),
                episodes=episodes,
                company=company,
                on_check=show,
            )
        )
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        console = Console()
        for finding in report.findings:
            if finding.ok:
                console.print(f"[green]ok[/]    {finding.check}")
            elif finding.rests_on:
                console.print(
                    f"[dim]-     {finding.check}: not run, it rests on {finding.rests_on}[/]"
                )
            else:
                console.print(f"[red]FAIL[/]  {finding.check}", end=": ")
                console.print(finding.message, markup=False, highlight=False)
                console.print(f"      fix: {finding.fix}", markup=False, highlight=False)
    if not report.ok:
        raise typer.Exit(1)
