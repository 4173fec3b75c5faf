"""Report of a reproduction: figures as JSON, a Markdown table, a plot with 95 % bands."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from envgym.trainers.reproduce.run import SIDES, Runs, Side, curve, figure, precondition_figure
from envgym.trainers.reproduce.spec import Claim, Precondition, Reproduction
from envgym.trainers.reproduce.statistics import RULE, Verdict, gain, judge, together
from envgym.trainers.running.intervals import interval
from envgym.utils.atomic_write import write_atomically

_COLOURS: dict[Side, str] = {"baseline": "110, 118, 129", "method": "9, 105, 218"}


def write_report(name: str, spec: Reproduction, runs: Runs, folder: Path) -> dict[str, Any]:
    """Judge the runs and write ``result.json``, ``result.md`` and ``plot.html`` into `folder`."""
    result = summarise(name, spec, runs)
    _figure(result).write_html(folder / "plot.html", include_plotlyjs=True)
    (folder / "result.md").write_text(markdown(result))
    write_atomically(folder / "result.json", json.dumps(result, indent=2) + "\n")
    return result


def last_result(path: Path, spec: Reproduction, folder: Path) -> tuple[dict[str, Any], str]:
    """Last verdict for the current settings of `spec`, and its origin.

    Args:
        path: Path of the reproduction's YAML file; the JSON file beside it is the shipped result.
        folder: Folder of its runs.

    Returns:
        The result and ``here`` or ``shipped``; an empty result and ``never``. A result of other
        settings does not count.
    """
    places = {"here": folder / "result.json", "shipped": path.with_suffix(".json")}
    for made, place in places.items():
        result = read_result(place)
        if result and result.get("spec") == spec.fingerprint:
            return result, made
    return {}, "never"


def read_result(path: Path) -> dict[str, Any] | None:
    """Read a ``result.json``; None where it is missing or broken."""
    try:
        result = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) else None


def summarise(name: str, spec: Reproduction, runs: Runs) -> dict[str, Any]:
    """Figures and verdict as JSON values."""
    claims = [_judged(claim, spec, runs) for claim in spec.claims]
    preconditions = [_checked(condition, runs) for condition in spec.preconditions]
    tested = all(condition["holds"] for condition in preconditions)
    verdict = together([Verdict(claim["verdict"]) for claim in claims])
    by_side = {
        side: [s for (of, _), found in runs.summaries.items() if of == side for s in found]
        for side in SIDES
    }
    return {
        "name": name,
        "title": spec.title,
        "claim": spec.claim,
        "source": spec.source,
        "spec": spec.fingerprint,
        "labels": {"baseline": spec.baseline.label, "method": spec.method.label},
        "seeds": runs.seeds,
        "tuned": {"field": spec.tune.field, **runs.tuned} if spec.tune else None,
        "verdict": verdict if tested else Verdict.NOT_TESTED,
        "rule": RULE,
        "preconditions": preconditions,
        "claims": claims,
        "axis": spec.axis,
        "metric": spec.claims[0].metric,
        "points": _points(spec, runs),
        "run_s": {
            side: round(sum(s["wall_s"] for s in found) / len(found), 1)
            for side, found in by_side.items()
        },
        "wall_s": round(runs.wall_s),
    }


def _checked(condition: Precondition, runs: Runs) -> dict[str, Any]:
    """Precondition with its measured figure; a missing bound is null, which JSON can hold."""
    found = [
        precondition_figure(summary, condition.metric)
        for (side, _), summaries in runs.summaries.items()
        if side == condition.side
        for summary in summaries
    ]
    measured = sum(found) / len(found)
    bounds = {"low": condition.low, "high": condition.high}
    return {
        "side": condition.side,
        "metric": condition.metric,
        **{end: bound if math.isfinite(bound) else None for end, bound in bounds.items()},
        "measured": measured,
        "holds": condition.low <= measured <= condition.high,
    }


def _judged(claim: Claim, spec: Reproduction, runs: Runs) -> dict[str, Any]:
    by_seed = {side: _by_seed(claim, side, runs) for side in SIDES}
    difference = gain(by_seed["baseline"], by_seed["method"], claim.better)
    return {
        **claim.model_dump(),
        **{side: interval(values).to_json() for side, values in by_seed.items()},
        "by_seed": by_seed,
        "gain": difference.to_json(),
        "verdict": judge(difference, claim.tolerance),
    }


def _by_seed(claim: Claim, side: Side, runs: Runs) -> list[float]:
    """Figure of a side per seed: the mean over the points of the sweep."""
    at_points = [
        [figure(summary, claim) for summary in found]
        for (of, _), found in runs.summaries.items()
        if of == side
    ]
    return [sum(values) / len(values) for values in zip(*at_points, strict=True)]


def _points(spec: Reproduction, runs: Runs) -> list[dict[str, Any]]:
    """Points of the plot: the first claim's figure over the sweep, or its metric over updates.

    Runs that end with a number of sampled tokens differ in updates: their points are both ends.
    """
    claim = spec.claims[0]
    budget = spec.token_budget
    columns: dict[Any, dict[Side, list[float]]] = {}
    for (side, point), found in runs.summaries.items():
        for summary in found:
            if spec.sweep:
                columns.setdefault(point, {}).setdefault(side, []).append(figure(summary, claim))
            else:
                values = curve(summary, claim.metric)
                if budget is not None:
                    values = {0: values[0], budget: values[max(values)]}
                for step, value in values.items():
                    columns.setdefault(step, {}).setdefault(side, []).append(value)
    return [
        {"x": x, **{side: interval(values).to_json() for side, values in sides.items()}}
        for x, sides in (columns.items() if spec.sweep else sorted(columns.items()))
    ]


def markdown(result: dict[str, Any]) -> str:
    """Report as Markdown tables."""
    labels, seeds = result["labels"], len(result["seeds"])
    lines = [
        f"## {result['title']}",
        "",
        f"{result['claim']} ({result['source']})",
        "",
        f"**{str(result['verdict']).capitalize()}**, {seeds} seeds.",
        "",
        f"| claim | {labels['baseline']} | {labels['method']} | better by | verdict |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [
        f"| {_said(c)} | {_text(c['baseline'])} | {_text(c['method'])} | {_text(c['gain'])} "
        f"| {c['verdict']} |"
        for c in result["claims"]
    ]
    lines += [
        "",
        f"| {result['axis']} | {labels['baseline']}: {result['metric']} | {labels['method']} |",
        "|---:|---:|---:|",
    ]
    lines += [
        f"| {p['x']} | {_text(p['baseline'])} | {_text(p['method'])} |" for p in result["points"]
    ]
    if tuned := result["tuned"]:
        both = f"{tuned['baseline']} and {tuned['method']}"
        lines += ["", f"Tuned on other seeds: {tuned['field']} = {both}."]
    if preconditions := result["preconditions"]:
        lines += ["", "| precondition | from | to | measured | holds |", "|---|---:|---:|---:|---|"]
        lines += [
            f"| {_measured(c, result)} | {_bound(c['low'])} | {_bound(c['high'])} "
            f"| {c['measured']:.3f} | {'yes' if c['holds'] else 'no'} |"
            for c in preconditions
        ]
    seconds = result["run_s"]
    took = f"Seconds a run: {seconds['baseline']} and {seconds['method']}; all: {result['wall_s']}."
    lines += ["", f"{took} {result['rule']}"]
    return "\n".join(lines) + "\n"


def _measured(condition: dict[str, Any], result: dict[str, Any]) -> str:
    side = condition.get("side", "baseline")
    return condition["metric"] + (f" ({result['labels'][side]})" if side == "method" else "")


def _said(claim: dict[str, Any]) -> str:
    over = "" if claim["over"] == "trained" else ", mean over the updates"
    less = f", by no more than {claim['tolerance']:g} worse" if claim["tolerance"] else ""
    return f"{claim['metric']} {claim['better']}{over}{less}"


def _bound(bound: float | None) -> str:
    return "" if bound is None else f"{bound:g}"


def _text(found: dict[str, float]) -> str:
    return f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def _figure(result: dict[str, Any]) -> go.Figure:
    drawn = go.Figure()
    points = result["points"]
    xs = [p["x"] for p in points]
    for side in SIDES:
        colour = _COLOURS[side]
        highs, lows = ([p[side][end] for p in points] for end in ("high", "low"))
        drawn.add_scatter(
            x=[*xs, *reversed(xs)],
            y=[*highs, *reversed(lows)],
            fill="toself",
            fillcolor=f"rgba({colour}, 0.15)",
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
        drawn.add_scatter(
            x=xs,
            y=[p[side]["mean"] for p in points],
            name=result["labels"][side],
            line={"color": f"rgb({colour})"},
            mode="lines+markers",
        )
    drawn.update_layout(
        title=f"{result['title']}: {result['verdict']}",
        xaxis_title=result["axis"],
        yaxis_title=f"{result['metric']}, mean and 95 % interval of {len(result['seeds'])} seeds",
        template="plotly_white",
    )
    return drawn
