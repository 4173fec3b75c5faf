"""Hints on a circuit, read from recorded attempts: no tool is run for them."""

from __future__ import annotations

import pytest

from envgym import Action
from envgym.environments.verilog.hints import hints
from envgym.environments.verilog.problem import Problem
from tests.environments.played import recorded
from tests.sandboxes.graders.verilog.designs import COUNTER, COUNTER_SOURCE

TASK = Problem("counter", "Count.", (COUNTER_SOURCE,), "counter", COUNTER, plan="One register.")
SUBMIT = Action.call("submit", design="module counter(); endmodule")
MISMATCH = (
    "Not accepted. simulation: wrong answer\nrow 3 (cycle 1, falling edge of clk) of 40 rows is "
    "the first that differs after the edge:\n  count is 0011, should be 0100\ninputs that led to "
    "it:\n  row 3: enable=1\nAttempts left: 2."
)


@pytest.mark.parametrize(
    ("action", "reply", "told"),
    [
        (
            SUBMIT,
            MISMATCH,
            "the outputs are wrong: row 3 (cycle 1, falling edge of clk) of 40 rows is the first "
            "that differs after the edge: count is 0011, should be 0100",
        ),
        (
            SUBMIT,
            "Not accepted. lint: refused\nno module counter\nNo attempt is left.",
            "the design does not get past lint: refused no module counter",
        ),
        (
            Action.call("lint", design="module"),
            "design.v:1: syntax error\nmore",
            "no design was submitted; the last call of lint said: design.v:1: syntax error",
        ),
        (SUBMIT, "Error: no design was given yet", "every call was refused, the last one so: "),
        (Action("Hm."), "", "no message held a tool call"),
    ],
)
def test_the_failure_is_read_from_the_replies(action: Action, reply: str, told: str) -> None:
    task = TASK.task("train")
    attempt = recorded((action, [reply] if reply else []))
    plan, feedback, *cues = hints(task, COUNTER, attempt)
    assert feedback.startswith(f"Hint: {told}")
    assert "enable=" not in feedback
    assert "One register." in plan
    assert (plan, *cues) == hints(task, COUNTER, None)


def test_the_last_verdict_counts_and_the_last_line_stays_hidden() -> None:
    task = TASK.task("train")
    attempt = recorded((SUBMIT, [MISMATCH.replace("0011", "1111")]), (SUBMIT, [MISMATCH]))
    found = hints(task, COUNTER, attempt)
    assert "0011" in found[1]
    body = [line for line in COUNTER_SOURCE.splitlines() if line.strip()]
    assert body[-3] in found[-1]
    assert body[-1] not in found[-1]
