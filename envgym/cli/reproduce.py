"""Command ``envgym reproduce``: test a paper's claim in miniature, with a verdict."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from envgym.cli.options import Json, Verbose, run
from envgym.errors import UsageError


def reproduce_command(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of a reproduction from --list, or your own YAML file."),
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=2, help="Number of seeds per side.")] = None,
    output: Annotated[
        Path, typer.Option(help="Folder for the results, one folder per reproduction.")
    ] = Path("runs/reproduce"),
    listed: Annotated[
        bool, typer.Option("--list", help="List all reproductions with their last verdicts.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option(help="Remove earlier runs of the reproduction first.")
    ] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Run baseline and method on several seeds; finished runs are not repeated."""
    if listed:
        rows = verdicts(output)
        print(json.dumps({"reproductions": rows})) if as_json else _show(rows)
        return
    if name is None:
        raise UsageError("which one? `envgym reproduce --list` shows all")
    from envgym.trainers.reproduce import load_reproduction, reproduce, write_report

    stem, spec = load_reproduction(name)
    folder = output / stem
    if fresh and folder.exists():
        shutil.rmtree(folder)
    err = Console(stderr=True)
    runs = run(reproduce(spec, folder, seeds or spec.seeds, lambda text: err.rule(text)))
    result = write_report(stem, spec, runs, folder)
    if as_json:
        print(json.dumps(result))
        return
    Console().print(Markdown((folder / "result.md").read_text()))
    print(f"see {folder / 'plot.html'}")


def verdicts(output: Path) -> list[dict[str, Any]]:
    """Collect every shipped reproduction with its last verdict.

    That is the one in `output`, of runs made here; else the one that came with envgym.
    """
    from envgym.trainers.reproduce import last_result, load_reproduction, reproductions

    rows = []
    for name, path in reproductions().items():
        _, spec = load_reproduction(name)
        result, made = last_result(path, spec, output / name)
        rows.append(
            {
                "name": name,
                "title": spec.title,
                "claim": spec.claim,
                "source": spec.source,
                "verdict": result.get("verdict"),
                "seeds": len(result.get("seeds", ())),
                "labels": result.get("labels"),
                "claims": [_figures(claim) for claim in result.get("claims", ())],
                "wall_s": result.get("wall_s"),
                "made": made,
            }
        )
    return rows


def _figures(claim: dict[str, Any]) -> dict[str, Any]:
    """The figures of both sides and the gain with their 95 % intervals, and the verdict."""
    return {k: claim[k] for k in ("metric", "over", "baseline", "method", "gain", "verdict")}


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table("name", "title", "verdict", "better by (95 %)", "seeds", "made")
    for row in rows:
        gains = [
            f"{g['mean']:+.3f} [{g['low']:+.3f}, {g['high']:+.3f}]"
            for g in (claim["gain"] for claim in row["claims"])
        ]
        cells = (row["verdict"] or "", "\n".join(gains), str(row["seeds"] or ""), row["made"])
        table.add_row(row["name"], row["title"], *cells)
    Console().print(table)
