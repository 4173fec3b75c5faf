"""Command ``envgym replay``: step recorded episodes again and compare the results."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from itertools import chain, count, groupby, islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import envgym
from envgym.cli.options import Json, Verbose, run
from envgym.utils.progress import Progress

_AT_ONCE = 1024  # episodes held in memory
_SHOWN = 20


def replay_command(
    run_folder: Annotated[
        Path, typer.Argument(help="Folder of a training run, a saved rollout or games played.")
    ],
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Step and score every recorded episode again; exit code 1 where anything differs."""
    from envgym.rollout.replay import episode_folders

    folders = episode_folders(run_folder)
    total = sum(shard.read_bytes().count(b"\n") for f in folders for shard in _shards(f))
    with Progress(transient=True) as progress:
        show, played = progress.stage("episodes", total), count()
        report = run(_replay(folders, run_folder, lambda: show(next(played))))
    report = {"run": str(run_folder), **report}
    if as_json:
        print(json.dumps(report))
    else:
        _show(report)
    if report["differences"]:
        raise typer.Exit(1)


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("episodes-*.jsonl"))


async def _replay(folders: list[Path], root: Path, advance: Callable[[], None]) -> dict[str, Any]:
    from envgym.rollout.replay import differences, play_again
    from envgym.store.episodes import read_shard, shard_number
    from envgym.store.manifest import read_env

    def played_in(shard: Path) -> tuple[str, dict[str, Any]]:
        return read_env(shard.parent, shard_number(shard))

    counts = {"episodes": 0, "equal": 0, "quarantined": 0}
    found: list[dict[str, Any]] = []
    alike = [
        (folder, env, list(files))
        for folder in folders
        for env, files in groupby(sorted(_shards(folder), key=shard_number), played_in)
    ]
    for folder, (env_id, kwargs), files in alike:
        make = partial(envgym.make, env_id, **kwargs)
        keep = make()  # holds the shared resources open between episodes
        rollout = envgym.Rollout(make, envgym.RolloutLimits(episode_s=None, fault_rate=1.0))
        try:
            episodes = chain.from_iterable(map(read_shard, files))
            while batch := list(islice(episodes, _AT_ONCE)):
                recorded = [e for e in batch if e.fault is None]
                counts["quarantined"] += len(batch) - len(recorded)
                counts["episodes"] += len(recorded)
                again = await play_again(rollout, recorded, on_episode=lambda _: advance())
                for before, after in zip(recorded, again, strict=True):
                    unlike = [asdict(d) for d in differences(before, after)]
                    counts["equal"] += not unlike
                    found += [{"folder": str(folder.relative_to(root)), **d} for d in unlike]
        finally:
            await rollout.close()
            await keep.close()
    return {**counts, "differences": found}


def _show(report: dict[str, Any]) -> None:
    from envgym.agents.human import harmless

    console = Console()
    for name in ("episodes", "equal", "quarantined"):
        console.print(f"{name:>14}  {report[name]}")
    found = report["differences"]
    if not found:
        return
    table = Table("episode", "where", "what", "recorded", "replayed")
    for one in found[:_SHOWN]:
        where = one["seat"] or ""
        where += "" if one["turn"] is None else f" turn {one['turn']}"
        cells = [str(Path(one["folder"], one["episode"])), where, one["what"]]
        cells += _around(str(one["recorded"]), str(one["replayed"]))
        table.add_row(*(Text(harmless(cell)) for cell in cells))
    console.print(table)
    if len(found) > _SHOWN:
        console.print(f"and {len(found) - _SHOWN} more: --json gives them all")


def _around(a: str, b: str, width: int = 160) -> list[str]:
    """Both texts from a little before the place where they part."""
    pairs = enumerate(zip(a, b, strict=False))
    parting = next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))
    begin = max(parting - 40, 0)
    return [
        ("…" if begin else "")
        + text[begin : begin + width]
        + ("…" if text[begin + width :] else "")
        for text in (a, b)
    ]
