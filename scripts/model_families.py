"""Write the table of docs/models.md: each family of models, run tiny and with random weights.

Run it from the repository's root: python -m scripts.model_families
"""

from __future__ import annotations

import asyncio

from tests.trainers.model_families.measured import BEGIN, END, PAGE, measure, table
from tests.trainers.model_families.shapes import FAMILIES


def main() -> None:
    """Measure every family and put the rows between the marks."""
    rows = table({family: asyncio.run(measure(family)) for family in FAMILIES})
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{rows}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
