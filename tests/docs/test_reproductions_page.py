"""The page of reproductions shows the shipped verdicts, each with a section of evidence."""

from __future__ import annotations

from envgym.trainers.reproduce import reproductions
from scripts.reproduction_table import PAGE, page


def test_the_table_is_that_of_the_shipped_verdicts() -> None:
    text = PAGE.read_text()
    assert text == page(text), "run: python -m scripts.reproduction_table"


def test_each_verdict_has_its_evidence() -> None:
    headings = (PAGE.parent / "evidence" / "reproductions.md").read_text().splitlines()
    shipped = [name for name, path in reproductions().items() if path.with_suffix(".json").exists()]
    assert [name for name in shipped if f"## {name}" not in headings] == []
