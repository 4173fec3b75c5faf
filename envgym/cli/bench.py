"""Command ``envgym bench``: measure envgym beside its peers on this machine.

The benches are in the source tree's ``benchmarks/``, beside this package: they install peers and
take minutes, so they are not part of an installed library.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import envgym
from envgym.cli.options import Json, Verbose
from envgym.errors import UsageError, suggest

NAMES = "Name of the bench: code, core, engine, retrieval, sandbox, service, train, verilog, web."
DATA = "Folder of the published data for the code and verilog benches."


def bench_command(
    name: Annotated[str, typer.Argument(help=NAMES)],
    rounds: Annotated[int | None, typer.Option(min=1, help="Number of runs per side.")] = None,
    data: Annotated[str | None, typer.Option(envvar="ENVGYM_BENCH_DATA", help=DATA)] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Measure envgym beside its peers, in turn, on this machine (installs the peers once)."""
    bench = load_bench(Path(envgym.__file__).resolve().parent.parent, name)
    err = Console(stderr=True)
    result = bench.run(rounds, lambda text: err.print(text, highlight=False, soft_wrap=True), data)
    print(json.dumps(result)) if as_json else show(result)


def load_bench(root: Path, name: str) -> Any:
    """Load the bench of that name from a source tree.

    Raises:
        UsageError: No source tree there, or no such bench.
    """
    folder = root / "benchmarks"
    if not (folder / "harness.py").is_file():
        raise UsageError(
            "the benches are not installed with envgym: clone its repository and run "
            "`pip install -e .` there"
        )
    known = sorted(path.parent.name for path in folder.glob("*/__init__.py"))
    if name not in known:
        raise UsageError(f"no bench {name!r}.{suggest(name, known)}")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return importlib.import_module(f"benchmarks.{name}").BENCH


def show(result: dict[str, Any]) -> None:
    """Print a result as a table: figures by row, sides by column, our ratio beside each peer's."""
    peers = result["peers"]
    figures = dict.fromkeys([*result["ours"], *(f for side in peers.values() for f in side)])
    table = Table("figure", "envgym", *peers)
    for figure in figures:
        cells = [_text(result["ours"].get(figure))]
        for peer, side in peers.items():
            names = figure, figure.rpartition("_")[0]  # a time's or a size's ratio has no unit
            found = (result["ratios"].get(f"{peer}.{name}") for name in names)
            ratio = next(filter(None, found), None)
            cells.append(_text(side.get(figure)) + (f" ({ratio:.2f}x)" if ratio else ""))
        table.add_row(figure, *cells)
    console = Console()
    console.print(table)
    console.print("(2.00x: ours is twice as good)", highlight=False)
    for peer, reason in result["absent"].items():
        console.print(f"{peer} is not here: {reason}", highlight=False)
    for side, note in result["notes"].items():
        console.print(f"{side}: {note}", highlight=False)
    for name, value in result["machine"].items():
        console.print(f"{name:>12}  {value}", highlight=False)


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
