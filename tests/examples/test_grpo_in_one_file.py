from __future__ import annotations

import re

from tests.examples.conftest import EXAMPLES, Run


def test_it_stays_one_short_file() -> None:
    assert len((EXAMPLES / "grpo_in_one_file.py").read_text().splitlines()) <= 200


def test_it_learns(run: Run) -> None:
    shown = run("grpo_in_one_file.py", "--steps", "10", "--eval-episodes", "128")
    before, after = map(float, re.findall(r"(\d\.\d+)(?= before| after)", shown))
    assert after > before + 0.1
    assert "clipfrac" in shown
