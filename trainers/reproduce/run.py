"""Runs of a reproduction: each side, at each point of the sweep, on each seed.

Every run has its own folder, so that an interrupted reproduction goes on where it stopped, and a
larger number of seeds adds runs. Runs of a model are ordinary training runs and share their common
part, up to the end of the warm start; runs of a table share their start.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import yaml

from envgym.errors import UsageError
from envgym.trainers.config import Config
from envgym.trainers.former_names import with_former_names
from envgym.trainers.recipe import load_as, load_config
from envgym.trainers.reproduce.preparation import in_folder, prepare
from envgym.trainers.reproduce.spec import Arm, Claim, Reproduction
from envgym.trainers.reproduce.table import TableConfig, finished_table, train_table
from envgym.trainers.run import finished, train
from envgym.trainers.running import checkpoint

Side = Literal["baseline", "method"]
WARM_SEED = 0
"""Seed of a warm start that all runs share."""
SIDES: tuple[Side, ...] = ("baseline", "method")
Summary = dict[str, Any]


@dataclass
class Runs:
    """Results of all runs of a reproduction.

    Attributes:
        tuned: Tuned value of each side; empty without tuning.
        summaries: Run summaries by side and point of the sweep (None without a sweep), in order of
            seeds.
        wall_s: Wall time of all runs in seconds, tuning runs too, each with its warm start.
        prepared: Folders of the seeds' preparations.
    """

    seeds: list[int]
    tuned: dict[Side, Any] = field(default_factory=dict)
    summaries: dict[tuple[Side, Any], list[Summary]] = field(default_factory=dict)
    wall_s: float = 0.0
    prepared: set[Path] = field(default_factory=set)


async def reproduce(
    spec: Reproduction, folder: Path, seeds: int, say: Callable[[str], None] = lambda text: None
) -> Runs:
    """Run every run that the folder does not hold yet.

    Args:
        folder: Folder of the runs.
        seeds: Number of seeds, counted from the specification's first.
        say: Function that gets a line of text before each run.

    Raises:
        UsageError: Fewer than two seeds, a seed that both sides are tuned on, or a run in the
            folder has other settings.
    """
    if seeds < 2:
        raise UsageError("a verdict needs at least two seeds: give --seeds 2 or more")
    runs = Runs(list(range(spec.first_seed, spec.first_seed + seeds)))
    if spec.tune and set(runs.seeds) & set(spec.tuning_seeds):
        raise UsageError("a seed of the verdict is one of the tuning_seeds: take another")
    recipe = _recipe(spec, folder)
    points: list[Any] = spec.sweep.values if spec.sweep else [None]
    trials = len(spec.tune.values) * len(spec.tuning_seeds) if spec.tune else 0
    total = len(SIDES) * (trials + len(points) * seeds)
    count = 0

    async def one(side: Side, point: Any, seed: int, tuned: Any, where: Path) -> Summary:
        nonlocal count
        count += 1
        settings = dict(_arm(spec, side).settings)
        if spec.sweep:
            settings[spec.sweep.field] = point
        if spec.tune:
            settings[spec.tune.field] = tuned
        if spec.preparation:
            prepared = await _prepared(spec, recipe, folder, seed, runs)
            settings = in_folder(settings, prepared)
        settings |= {"seed": seed, "output": str(where)}
        config = load_side(spec, recipe, settings)
        done = finished_table(config) if isinstance(config, TableConfig) else finished(config)
        state = "" if done is None else " (done before)"
        say(f"{count}/{total}: {where.relative_to(folder)}{state}")
        summary = await _run(config, folder, spec.shared_warm_start) if done is None else done
        runs.wall_s += summary["wall_s"]
        return summary

    for side in SIDES:
        if spec.tune:
            runs.tuned[side] = await _tune(spec, side, points[len(points) // 2], folder, one)
        for point in points:
            place = folder / side if point is None else folder / side / str(point)
            runs.summaries[side, point] = [
                await one(side, point, seed, runs.tuned.get(side), place / f"seed-{seed}")
                for seed in runs.seeds
            ]
    return runs


async def _prepared(spec: Reproduction, recipe: Path, folder: Path, seed: int, runs: Runs) -> Path:
    """Folder of a seed's preparation, which is run where it is not there yet."""
    assert spec.preparation is not None
    where = folder / "preparation" / f"seed-{seed}"
    config = load_side(
        spec, recipe, {**spec.preparation.settings, "seed": seed, "output": str(where)}
    )
    assert isinstance(config, TableConfig)
    spent = await prepare(spec.preparation, config)
    if where not in runs.prepared:
        runs.wall_s += spent
        runs.prepared.add(where)
    return where


def load_side(
    spec: Reproduction, recipe: Path, settings: Mapping[str, Any]
) -> Config | TableConfig:
    """Config of a run: the recipe's file, changed by settings."""
    overrides = [f"{k}={yaml.safe_dump(v)}" for k, v in settings.items()]
    if spec.policy == "table":
        return load_as(TableConfig, recipe, overrides)
    return load_config(recipe, overrides)


async def _run(config: Config | TableConfig, folder: Path, shared: bool) -> Summary:
    if isinstance(config, TableConfig):
        return await train_table(config)
    begun = (config.directory / "config.yaml").exists()
    starting = config.model_copy(update={"seed": WARM_SEED}) if shared else config
    warm = folder / "warm" / _before_updates(starting)
    if shared and checkpoint.latest(warm) is None:
        await _warm_up(starting, warm)
    return await train(config, resume=begun, warm=warm)


async def _warm_up(config: Config, warm: Path) -> None:
    """Run a warm start alone, and leave its checkpoint in `warm`."""
    learner = config.learner.model_copy(update={"steps": 0})
    alone = config.model_copy(update={"learner": learner, "output": f"{warm}-run"})
    await train(alone, fresh=True, warm=warm)


def _before_updates(config: Config) -> str:
    """Hash of all settings that a run depends on up to the end of its warm start."""
    sections = {
        "seed",
        "torch_threads",
        "env",
        "model",
        "chat",
        "rollout",
        "warm_start",
        "evaluation",
    }
    parts: dict[str, Any] = dict.fromkeys(sections, True)
    parts["learner"] = {"weight_decay", "grad_clip", "micro_batch_tokens", "packing"}
    values = with_former_names(config.model_dump(mode="json", include=parts))
    text = json.dumps(values, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _recipe(spec: Reproduction, folder: Path) -> Path:
    """Write the recipe as a file; a model's, `envgym train` can run too.

    A model's run is deterministic unless it says otherwise, so that a verdict can be repeated.
    """
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "recipe.yaml"
    values = {"name": "reproduction", **spec.recipe}
    if spec.policy == "model":
        values["rollout"] = {"deterministic": True, **spec.recipe.get("rollout", {})}
    recipe.write_text(yaml.safe_dump(values, sort_keys=False))
    return recipe


async def _tune(spec: Reproduction, side: Side, point: Any, folder: Path, one: Any) -> Any:
    """Value with the best figure of the first claim; of equals, the one that learnt faster.

    Figures are means over the tuning seeds. Where whole curves are equal too, the first value wins.
    """
    assert spec.tune is not None
    claim = spec.claims[0]
    sooner = claim.model_copy(update={"over": "curve"})
    sign = 1 if claim.better == "higher" else -1
    found = []
    for value in spec.tune.values:
        where = folder / "tuning" / side / str(value)
        summaries = [
            await one(side, point, seed, value, where / f"seed-{seed}")
            for seed in spec.tuning_seeds
        ]
        found.append(
            tuple(sign * fmean(figure(s, judged) for s in summaries) for judged in (claim, sooner))
        )
    return spec.tune.values[found.index(max(found))]


def figure(summary: Summary, claim: Claim) -> float:
    """Figure of a run for a claim."""
    points = curve(summary, claim.metric)
    if claim.over == "trained":
        return points[max(points)]
    later = [value for step, value in points.items() if step > 0]
    if not later:
        raise UsageError("no evaluation after an update: raise learner.steps for a claim on curves")
    return sum(later) / len(later)


def precondition_figure(summary: Summary, metric: str) -> float:
    """Figure of a run for a precondition.

    Raises:
        UsageError: The run has no such figure.
    """
    if metric.startswith("start."):
        return curve(summary, metric.removeprefix("start."))[0]
    measured: dict[str, float] = summary.get("measured", {})
    if metric not in measured:
        known = ", ".join(["start.METRIC", *measured])
        raise UsageError(f"no figure {metric!r} for a precondition: a run has {known}")
    return measured[metric]


def curve(summary: Summary, metric: str) -> dict[int, float]:
    """Metric by number of updates, from a run's evaluations after its warm start.

    Raises:
        UsageError: There are no evaluations, or they lack the metric.
    """
    points: dict[int, float] = {}
    for name, scores in summary["eval"].items():
        if name.startswith("step_"):
            points[int(name.removeprefix("step_"))] = _value(scores, metric)
        elif name == "trained":
            points[summary["steps"]] = _value(scores, metric)
        else:  # untrained, then warm_start: the later one stays
            points[0] = _value(scores, metric)
    if not points:
        raise UsageError("the recipe evaluates nothing: set evaluation.tasks")
    return points


def _value(scores: dict[str, Any], metric: str) -> float:
    value: Any = scores
    for part in metric.split("."):
        if not isinstance(value, dict) or part not in value:
            raise UsageError(f"no metric {metric!r} in an evaluation: it has {', '.join(scores)}")
        value = value[part]
    return float(value)


def _arm(spec: Reproduction, side: Side) -> Arm:
    return spec.baseline if side == "baseline" else spec.method
