"""``report.html``: one self-contained page a run, curves first, then episodes to read."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from envgym.store import read_episodes
from envgym.trajectory import Episode

_CURVES = (
    ("Score and reward", ("score", "reward")),
    ("Turns and action tokens", ("episode/turns", "episode/tokens")),
    ("Reward spread within groups", ("group/reward_std", "group/equal")),
    ("Gradient norm", ("learn/grad_norm",)),
    ("Sampler-learner gap, clipping", ("learn/logp_gap", "learn/clip_fraction")),
    ("Mean log-prob of sampled tokens", ("episode/logp",)),
    ("Seconds a step", ("time/rollout_s", "time/learn_s")),
    ("Tool calls and errors", ("env/tool_calls", "env/tool_errors")),
    ("Faults", ("faults/retried", "faults/quarantined")),
)
_SHOWN = 24  # episodes of the last evaluation

_STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem; }
h1 { font-size: 1.4rem; } table { border-collapse: collapse; }
td, th { padding: .2rem .8rem; border-bottom: 1px solid var(--line); text-align: left; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
details { border-bottom: 1px solid var(--line); padding: .3rem 0; }
pre { white-space: pre-wrap; margin: .2rem 0 .2rem 1rem; padding-left: .6rem;
      border-left: 3px solid var(--line); }
pre.action { border-color: #2a9d5c; } pre.hint { border-color: #d99a2b; }
pre.tool { border-color: #4a7fd0; } small { opacity: .7; }
"""


def write_report(directory: Path) -> Path:
    """Write the report of a run's folder; returns its path."""
    lines = (
        (directory / "metrics.jsonl").read_text().splitlines()
        if (directory / "metrics.jsonl").exists()
        else []
    )
    rows = [json.loads(line) for line in lines]
    summary = json.loads((directory / "summary.json").read_text())
    episodes = _examples(directory / "episodes")
    page = (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{html.escape(summary['name'])}</title><style>{_STYLE}</style>"
        f"<h1>{html.escape(summary['name'])}: {html.escape(summary['env'])}</h1>"
        f"<p>seed {summary['seed']}, {summary['steps']} steps, {summary['wall_s']} s</p>"
        f"{_table(summary['eval'])}<div class=curves>{_curves(rows)}</div>"
        f"<h2>Episodes</h2>{''.join(map(_episode, episodes))}</html>"
    )
    path = directory / "report.html"
    path.write_text(page)
    return path


def _table(evaluations: dict[str, Any]) -> str:
    head = "<tr><th>evaluation<th>score<th>± s.e.<th>by difficulty<th>turns<th>faults</tr>"
    body = "".join(
        f"<tr><td>{html.escape(name)}<td>{s['score']:.3f}<td>{s['stderr']:.3f}<td>"
        + ", ".join(f"{k}: {v:.2f}" for k, v in s["by_difficulty"].items())
        + f"<td>{s['turns']:.1f}<td>{s['faults']}</tr>"
        for name, s in evaluations.items()
    )
    return f"<table>{head}{body}</table>"


def _curves(rows: list[dict[str, float]]) -> str:
    import plotly.graph_objects as go

    parts: list[str] = []
    for title, names in _CURVES:
        figure = go.Figure()
        for name in names:
            points = [(row["step"], row[name]) for row in rows if name in row]
            if points:
                xs, ys = zip(*points, strict=True)
                figure.add_scatter(x=xs, y=ys, name=name, mode="lines")
        if not figure.data:
            continue
        figure.update_layout(
            title=title,
            height=300,
            margin={"l": 40, "r": 10, "t": 40, "b": 30},
            paper_bgcolor="rgba(0,0,0,0)",
            legend={"orientation": "h"},
        )
        parts.append(figure.to_html(full_html=False, include_plotlyjs=not parts))
    return "".join(parts)


def _examples(folder: Path) -> list[Episode]:
    """Episodes of the last evaluation, successes and failures in turn."""
    shards = sorted(folder.glob("*/episodes-*.jsonl"), key=lambda path: path.stat().st_mtime)
    if not shards:
        return []
    episodes = list(read_episodes(shards[-1].parent))
    good = [e for e in episodes if e.score >= 1]
    bad = [e for e in episodes if e.score < 1]
    paired = [e for pair in zip(good, bad, strict=False) for e in pair]
    return [*paired, *good[len(bad) :], *bad[len(good) :]][:_SHOWN]


def _episode(episode: Episode) -> str:
    parts = []
    for turn in episode.turns:
        parts += [f"<pre class={m.kind}>{html.escape(m.content)}</pre>" for m in turn.messages]
        parts.append(
            f"<pre class=action>{html.escape(turn.text)}</pre>"
            f"<small>reward {turn.reward:.2f}, {len(turn.action)} tokens</small>"
        )
    parts += [
        f"<pre class={m.kind}>{html.escape(m.content)}</pre>" for m in episode.trajectory.final
    ]
    question = next(iter(episode.task.data.values()), "")
    return (
        f"<details><summary>{episode.score:.2f} · {episode.stop_reason} · "
        f"{len(episode.turns)} turns · {html.escape(str(question)[:120])}</summary>"
        f"{''.join(parts)}</details>"
    )
