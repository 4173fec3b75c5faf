"""Draw the shipped verdicts, with 95 % bands, into docs/evidence/reproductions/NAME.svg."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import matplotlib.pyplot as plt
import typer

from envgym.trainers.reproduce import reproductions

OUT = Path("docs/evidence/reproductions")
COLOURS = {"baseline": "#6e7681", "method": "#0969da"}


def main(
    out: Annotated[Path, typer.Option(help="Folder of the pictures.")] = OUT,
) -> None:
    """One picture for each reproduction that has a verdict."""
    plt.rcParams["svg.hashsalt"] = "envgym"  # the same picture from the same figures
    plt.rcParams["svg.fonttype"] = "none"  # letters stay text: half the size
    out.mkdir(exist_ok=True)
    for name, path in reproductions().items():
        verdict = path.with_suffix(".json")
        if verdict.exists():
            draw(json.loads(verdict.read_text()), out / f"{name}.svg")


def draw(result: dict[str, Any], out: Path) -> None:
    """The first claim's metric over the sweep or the updates."""
    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    xs = [point["x"] for point in result["points"]]
    for side, colour in COLOURS.items():
        found = [point[side] for point in result["points"]]
        means, lows, highs = ([one[key] for one in found] for key in ("mean", "low", "high"))
        axes.fill_between(xs, lows, highs, color=colour, alpha=0.15, linewidth=0)
        axes.plot(xs, means, color=colour, marker="o", label=result["labels"][side])
    seeds = len(result["seeds"])
    axes.set(xlabel=result["axis"], ylabel=result["metric"], ylim=(0, None))
    axes.set_title(f"{result['title']}: {result['verdict']}, {seeds} seeds", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(out, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    typer.run(main)
