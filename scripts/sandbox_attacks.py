"""Writes the tables of two pages on attacks: what is not stopped, and every attack with its end.

Run it from the repository's root: python -m scripts.sandbox_attacks
"""

from __future__ import annotations

from pathlib import Path

from envgym.sandboxes.suites.attacks import ATTACKS, THEMES
from envgym.sandboxes.suites.known_gaps import KNOWN_GAPS

DOCS = Path(__file__).parents[1] / "docs"
START, END = "<!-- table: scripts/sandbox_attacks.py -->", "<!-- end of table -->"


def not_stopped() -> list[str]:
    """Lines of the table of declared gaps, by backend."""
    titles = {attack.id: attack.title for attack in ATTACKS}
    rows = [
        f"| {backend} | {titles.get(id, f'`{id}` of the conformance suite')} | {reason} |"
        for backend, cases in KNOWN_GAPS.items()
        for id, reason in cases.items()
    ]
    return ["| backend | case | why |", "|---|---|---|", *rows]


def attacks() -> list[str]:
    """Lines of the tables of attacks, one table per theme."""
    lines: list[str] = []
    for theme, themed in THEMES.items():
        lines += [f"## {theme}", "", "| no. | attack | ends |", "|---|---|---|"]
        lines += [f"| {a.number or ''} | {a.title} | {a.ends} |" for a in themed] + [""]
    return lines[:-1]


PAGES = {
    DOCS / "sandbox_attacks.md": not_stopped,
    DOCS / "evidence" / "sandbox_attacks.md": attacks,
}


def page(path: Path) -> str:
    """The page with its tables as they should be."""
    before, _, rest = path.read_text().partition(START)
    after = rest.partition(END)[2]
    return before + "\n".join([START, "", *PAGES[path](), "", END]) + after


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(page(path))
