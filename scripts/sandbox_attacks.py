"""Writes the tables of docs/sandbox_attacks.md: every attack, how it must end, what is not stopped.

Run it from the repository's root: python -m scripts.sandbox_attacks
"""

from __future__ import annotations

from pathlib import Path

from envgym.sandboxes.suites.attacks import ATTACKS, THEMES
from envgym.sandboxes.suites.known_gaps import KNOWN_GAPS

PAGE = Path(__file__).parents[1] / "docs/sandbox_attacks.md"
START, END = "<!-- tables: scripts/sandbox_attacks.py -->", "<!-- end of tables -->"


def tables() -> str:
    """The part of the page between the marks."""
    titles = {attack.id: attack.title for attack in ATTACKS}
    rows = [
        f"| {backend} | {titles.get(id, f'`{id}` of the conformance suite')} | {reason} |"
        for backend, cases in KNOWN_GAPS.items()
        for id, reason in cases.items()
    ]
    lines = [START, "", "### Not stopped", "", "| backend | case | why |", "|---|---|---|", *rows]
    for theme, attacks in THEMES.items():
        lines += ["", f"### {theme}", "", "| no. | attack | ends |", "|---|---|---|"]
        lines += [f"| {a.number or ''} | {a.title} | {a.ends} |" for a in attacks]
    return "\n".join([*lines, "", END])


def page(text: str) -> str:
    """The page with its tables as they should be."""
    before, _, rest = text.partition(START)
    return before + tables() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
