"""``envgym check``: is an environment fit to train on?"""

from __future__ import annotations

import json

import typer
from rich.console import Console

from envgym.cli.options import EnvArgs, EnvId, Json, Verbose, env_arguments, run


def check_command(
    env_id: EnvId, arg: EnvArgs = None, as_json: Json = False, verbose: Verbose = False
) -> None:
    """Check an environment against the contract; each failure names its likely mend."""
    from envgym.checker import check_id

    report = run(check_id(env_id, **env_arguments(arg)))
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        console = Console()
        for finding in report.findings:
            mark = "[green]ok  [/]" if finding.ok else "[red]FAIL[/]"
            console.print(f"{mark} {finding.check}: {finding.message}")
            if not finding.ok and finding.mend:
                console.print(f"     mend: {finding.mend}")
    if not report.ok:
        raise typer.Exit(1)
