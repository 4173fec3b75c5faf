"""Command ``envgym list``: list the environments."""

from __future__ import annotations

import json

from envgym.cli.options import Json, Verbose
from envgym.registry import about, specs


def list_command(as_json: Json = False, verbose: Verbose = False) -> None:
    """List the environments."""
    rows = [{"id": spec.id, "about": about(spec)} for spec in specs().values()]
    if as_json:
        print(json.dumps({"environments": rows}))
        return
    width = max((len(row["id"]) for row in rows), default=0)
    for row in rows:
        print(f"{row['id']:<{width}}  {row['about']}")
