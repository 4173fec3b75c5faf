from __future__ import annotations

import json

from tests.examples.conftest import Run


def test_scores_and_cost_are_printed(run: Run, address: str) -> None:
    shown = json.loads(run("evaluate_api_model.py", address, "toy", "--tasks", "4"))
    assert (shown["score"], shown["pass_at"], shown["faults"]) == (1.0, {"1": 1.0, "2": 1.0}, 0)
    assert shown["requests"] == shown["output_tokens"] / 10
    paid = shown["input_tokens"] * 0.25e-6 + shown["output_tokens"] * 2e-6
    assert abs(shown["cost"] - paid) < 1e-9
