"""Writes the table of docs/evidence/templates.md: each chat template of TRL's wheel, rendered.

`make test` fetches the wheel. Run it from the repository's root: python -m scripts.template_table
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.envgym.chat_templates import families

PAGE = Path(__file__).parents[1] / "docs/evidence/templates.md"
START, END = "<!-- table: scripts/template_table.py -->", "<!-- end of table -->"


def main() -> None:
    """Play every template and put the rows between the marks."""
    names = families.names()
    if not names:
        raise SystemExit(families.ABSENT)
    rows = {name: families.table_row(name) for name in names}
    head = f"| template | {' | '.join(families.COLUMNS)} |\n|---{'|---' * len(families.COLUMNS)}|"
    before, _, rest = PAGE.read_text().partition(START)
    after = rest.partition(END)[2]
    table = "\n".join([START, head, *rows.values(), END])
    PAGE.write_text(before + table + after)
    for index, column in enumerate(families.COLUMNS):
        cells = Counter(row.split(" | ")[index + 1].strip(" |") for row in rows.values())
        print(column, dict(cells))


if __name__ == "__main__":
    main()
