"""``envgym sandbox``: what this machine can do to run untrusted code."""

from __future__ import annotations

import dataclasses
import json

import typer
from rich.console import Console
from rich.table import Table

from envgym.cli.options import Json, Verbose, run

app = typer.Typer(help="Where untrusted code runs.", no_args_is_help=True)


@app.callback()
def _sandbox() -> None:
    """Where untrusted code runs."""


@app.command()
def probe(as_json: Json = False, verbose: Verbose = False) -> None:
    """Print what this machine can isolate programs with, and why not with the rest."""
    from envgym.sandboxes.namespace.probe import backends, features

    found = {"features": list(features()), "backends": run(backends())}
    if as_json:
        print(json.dumps({k: [dataclasses.asdict(f) for f in v] for k, v in found.items()}))
        return
    console = Console()
    for title, findings in found.items():
        table = Table(title, "", "detail", box=None)
        for finding in findings:
            mark = "[green]yes[/]" if finding.there else "[red]no[/]"
            table.add_row(finding.name, mark, finding.detail)
        console.print(table)
        console.print()
    console.print("`unsafe` boxes isolate nothing and are always there, by explicit choice alone.")
