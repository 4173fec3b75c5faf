"""Table of an evaluation's scores, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envgym.trainers.running.evaluate import Scores
    from envgym.trainers.running.intervals import Interval


def scores_table(
    scores: Scores, retried: int | None = None, spent: Mapping[str, float] | None = None
) -> str:
    """Lay scores out in two columns; each figure stands beside its interval and denominator.

    Args:
        retried: Number of faults that a further try made good; None where nobody counted.
        spent: Usage of the agent in this process, tries that were repeated included.
    """
    rows = list(_rows(scores, retried))
    if spent:
        used = ", ".join(f"{name} {total:,.6g}" for name, total in spent.items())
        rows.append(("this call", f"{used}; repeated tries included"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:>{width}}  {text}" for name, text in rows)


def _rows(scores: Scores, retried: int | None) -> Iterator[tuple[str, str]]:
    yield "score", f"{_shown(scores.score_interval)} (95 %, t over {scores.tasks} tasks)"
    yield "success", f"{_shown(scores.success)} (95 %, Wilson; success is score 1)"
    for k, chance in scores.pass_at.items():
        if k > 1:
            yield f"pass@{k}", f"{chance:.3f} (of {scores.pass_tasks[k]} tasks)"
    reasons = ", ".join(f"{reason} {number}" for reason, number in scores.left_out.items())
    yield "episodes", f"{scores.episodes} of {scores.planned}; left out: {reasons or 'none'}"
    again = "" if retried is None else f"; {retried} made good by a further try"
    yield "faults", f"{scores.faults} (infra rate {scores.infra_rate:.1%}{again})"
    yield "turns", f"{scores.turns:.2f} per episode"
    yield "tokens", f"{scores.tokens:.1f} sampled per episode"
    for name, total in scores.usage.items():
        yield name, f"{total:,.6g}"
    for name, mean in scores.by_difficulty.items():
        yield f"difficulty {name}", f"{mean:.3f}"
    for name, mean in scores.metrics.items():
        if name not in {f"agent/{used}" for used in scores.usage}:
            yield name, f"{mean:.4g}"


def _shown(interval: Interval) -> str:
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
