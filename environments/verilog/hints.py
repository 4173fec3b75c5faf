"""Hints for a circuit, weakest first: a plan, the failure, parts of the golden design.

At most two thirds of the golden design's body are shown, never its last line.
"""

from __future__ import annotations

from collections.abc import Iterator

from envgym.environments.verilog.problem import Problem
from envgym.sandboxes.graders.verdict import WORDS, CaseResult, Verdict
from envgym.sandboxes.graders.verilog import Interface

SHARES = (1 / 3, 2 / 3)


def hints(problem: Problem, interface: Interface | None, verdict: Verdict | None) -> list[str]:
    """Hints for a problem.

    Args:
        interface: Ports of the design, if known.
        verdict: Verdict on the last submitted design, if any.
    """
    found = []
    plan = [problem.plan] if problem.plan else []
    if interface is not None:
        plan.append(_registers(interface))
    if plan:
        found.append(f"Hint: {' '.join(plan)}")
    failure = verdict.first_failure if verdict is not None else None
    if failure is not None:
        found.append(f"Hint: {_in_words(failure)}")
    found += [
        f"Hint: a right design begins like this:\n{part}" for part in _parts(problem.goldens[0])
    ]
    return found


def _registers(interface: Interface) -> str:
    """Description of clock and reset."""
    if not interface.clock:
        return "No clock is needed: outputs follow the inputs."
    edges = " and ".join({"pos": "rising", "neg": "falling"}[edge] for edge in interface.edges)
    words = [f"Registers change on the {edges} edge of {interface.clock}."]
    for reset in interface.resets:
        level = "1" if reset.active_high else "0"
        event = "at that edge" if reset.synchronous else "at once, without waiting for the clock"
        words.append(f"Some are set to a constant when {reset.name} is {level}, {event}.")
    return " ".join(words)


def _in_words(failure: CaseResult) -> str:
    """Description of the first failure; of a mismatch its cycle and outputs, without the inputs."""
    if failure.name in ("simulation", "netlist"):
        kept = failure.detail.split("\ninputs that led")[0]
        return f"the outputs are wrong: {' '.join(kept.split())}" if kept else WORDS[failure.status]
    first = failure.detail.splitlines()[0] if failure.detail else WORDS[failure.status]
    return f"the design does not get past {failure.name}: {first}"


def _parts(golden: str) -> Iterator[str]:
    """Header of the golden design with a share of its body's lines."""
    head, semicolon, body = golden.partition(";")
    lines = [line for line in body.splitlines() if line.strip()]
    lines = lines[:-1] if lines and lines[-1].strip().startswith("endmodule") else lines
    shown = 0
    for share in SHARES:
        count = min(int(len(lines) * share), len(lines) - 1)
        if count > shown:
            shown = count
            yield "\n".join([head + semicolon, *lines[:count], "  …"])
