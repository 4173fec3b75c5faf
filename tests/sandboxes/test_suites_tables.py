"""The lists and the pages of the suites are in step with their code."""

from __future__ import annotations

from pathlib import Path

import pytest

from envgym.sandboxes.suites.attacks import ATTACKS
from envgym.sandboxes.suites.conformance import CASES
from envgym.sandboxes.suites.known_gaps import KNOWN_GAPS
from scripts.sandbox_attacks import PAGES, page

NAMES = [*(case.__name__ for case in CASES), *(attack.id for attack in ATTACKS)]
NUMBERS = {*range(1, 49)} - {18, 23, 43} - {47}
"""Of the known attacks on sandboxes: three numbers are not in use, and one is the service's."""


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_the_pages_show_what_is_played(path: Path) -> None:
    assert page(path) == path.read_text(), "run python -m scripts.sandbox_attacks"


def test_names_are_of_one_case_each() -> None:
    assert len(NAMES) == len({*NAMES})


def test_every_known_attack_is_played() -> None:
    assert {attack.number for attack in ATTACKS} >= NUMBERS
    assert len(ATTACKS) >= 120


def test_what_is_known_is_played() -> None:
    for backend, cases in KNOWN_GAPS.items():
        assert {*cases} <= {*NAMES}, backend
        assert all(cases.values()), backend
