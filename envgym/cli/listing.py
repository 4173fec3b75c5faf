"""``envgym list``: what can be made, and what can be trained."""

from __future__ import annotations

import json

from rich.console import Console
from rich.table import Table

from envgym.cli.options import Json, Verbose
from envgym.registry import load_class, specs


def list_command(as_json: Json = False, verbose: Verbose = False) -> None:
    """List the environments."""
    rows = [
        {"id": spec.id, "about": (load_class(spec).__doc__ or "").strip().partition("\n")[0]}
        for spec in specs().values()
    ]
    if as_json:
        print(json.dumps({"environments": rows}))
        return
    table = Table("id", "about", box=None)
    for row in rows:
        table.add_row(row["id"], row["about"])
    Console().print(table)
