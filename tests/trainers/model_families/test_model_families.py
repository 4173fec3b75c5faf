"""Every family that the page of models names runs as the page says, or is refused in one line."""

from __future__ import annotations

import asyncio
from functools import cache

import pytest
import torch

from tests.agents.local.models import logprobs, prompt
from tests.trainers.model_families.measured import MOST, Measured, measure, shown
from tests.trainers.model_families.shapes import FAMILIES, build

torch.set_num_threads(1)


@cache
def measured(family: str) -> Measured:
    return asyncio.run(measure(family))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_runs_as_the_page_says(family: str) -> None:
    found = measured(family)
    cells = shown()[family]
    if found.refused:
        assert "\n" not in found.refused
        assert cells[0] == f"none: {found.refused}"
        return
    assert cells[:3] == [found.runner, found.learner, "equal"], "python -m scripts.model_families"
    assert found.greedy
    for figure, cell in zip((found.engine, found.padded, found.packed), cells[3:], strict=True):
        if figure is None:
            assert cell == ""
        else:
            assert max(figure, float(cell)) <= MOST


def test_the_page_has_every_family_and_no_other() -> None:
    assert list(shown()) == list(FAMILIES)


RUN = [family for family, cells in shown().items() if not cells[0].startswith("none")]


@pytest.mark.parametrize("family", RUN)
def test_log_probs_hang_on_the_context(family: str) -> None:
    """Where they did not, a wrong position or a wrong row would go unseen."""
    model, context, answer = build(family), prompt(10, seed=1), prompt(8, seed=5)
    other = [*prompt(5, seed=2), *context[5:]]
    gap = logprobs(model, context, answer) - logprobs(model, other, answer)
    assert gap.abs().max() > 100 * MOST
