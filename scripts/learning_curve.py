"""Draw the learning curves of runs, one line a seed: `docs/learning_curve.svg` in README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import typer


def main(
    runs: Annotated[list[Path], typer.Argument(help="Folders of finished runs.")],
    out: Annotated[Path, typer.Option(help="Picture to write.")] = Path("docs/learning_curve.svg"),
) -> None:
    """Held-out score over the updates: warm start, every evaluation on the way, the end."""
    plt.rcParams["svg.hashsalt"] = "envgym"  # the same picture from the same runs
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for run in runs:
        summary = json.loads((run / "summary.json").read_text())
        scores = {name: found["score"] for name, found in summary["eval"].items()}
        points = {0: scores["warm_start"], summary["steps"]: scores["trained"]}
        points |= {
            int(name.removeprefix("step_")): score
            for name, score in scores.items()
            if name.startswith("step_")
        }
        axes.plot(*zip(*sorted(points.items()), strict=True), label=f"seed {summary['seed']}")
    axes.set(xlabel="GRPO updates", ylabel="held-out score", ylim=(0, 1), xlim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    typer.run(main)
