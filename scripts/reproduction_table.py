"""Write the table of shipped verdicts into docs/reproductions.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from envgym.trainers.reproduce import load_reproduction, reproductions

PAGE = Path("docs/reproductions.md")
BEGIN, END = "<!-- table -->\n", "<!-- end of the table -->\n"


def table() -> str:
    """One row per claim: tier, precondition, effect with its interval, verdict."""
    lines = [
        "| name | claim of | tier | precondition, measured | effect [95 %] | seeds | verdict |",
        "|---|---|---|---|---|---:|---|",
    ]
    for name, path in reproductions().items():
        _, spec = load_reproduction(name)
        shipped = path.with_suffix(".json")
        result = json.loads(shipped.read_text()) if shipped.exists() else None
        cells, link = ("", "", "", "not run"), name
        if result is not None and result["spec"] == spec.fingerprint:
            cells, link = _cells(result), f"[{name}](evidence/reproductions.md#{name})"
        row = (link, spec.source.partition(",")[0], spec.policy, *cells)
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _cells(result: dict[str, Any]) -> tuple[str, str, str, str]:
    """Preconditions, effects, number of seeds and verdict."""
    conditions = "; ".join(map(_condition, result.get("preconditions", []))) or "none stated"
    effects = "; ".join(
        f"{claim['metric']} {_gain(claim)}" + (" (curve)" if claim["over"] == "curve" else "")
        for claim in result["claims"]
    )
    return conditions, effects, str(len(result["seeds"])), result["verdict"]


def _gain(claim: dict[str, Any]) -> str:
    gain, sign = claim["gain"], 1 if claim["better"] == "higher" else -1
    low, high = sorted((sign * gain["low"], sign * gain["high"]))
    return f"{sign * gain['mean']:+.3f} [{low:+.3f}, {high:+.3f}]"


def _condition(condition: dict[str, Any]) -> str:
    bounds = [
        f"{sign} {condition[end]:g}"
        for end, sign in (("low", "≥"), ("high", "≤"))
        if condition[end] is not None
    ]
    whose = " (method)" if condition.get("side") == "method" else ""
    return f"`{condition['metric']}`{whose} {' and '.join(bounds)}: {condition['measured']:.3f}"


def page(text: str) -> str:
    """Text of the page with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
