"""The page names every check, in order, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from envgym.checker import CHECKS

PAGE = (Path(__file__).parents[3] / "docs" / "checker.md").read_text()


def test_the_page_has_a_row_for_each_check() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [c.__name__ for c in CHECKS]
