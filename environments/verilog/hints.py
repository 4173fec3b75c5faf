"""Hints for a circuit, weakest first: a plan, the failure, parts of the golden design.

The last line of the golden design's body is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from envgym.environments.attempts import calls
from envgym.environments.graded_hints import graded, shares
from envgym.environments.verilog.problem import Problem
from envgym.sandboxes.graders.verilog import Interface
from envgym.task import Task
from envgym.trajectory import Episode
from envgym.utils.bounded_text import bounded_start

_SHARES = (1 / 3, 2 / 3, 1.0)
_QUOTED = 600
"""Maximum length of a quoted failure in characters."""
_REFUSED = "Not accepted. "
_OUTPUTS = re.compile(r"\A(?:simulation|netlist): [^\n]*\n(.*)", re.DOTALL)
_ENDS = re.compile(r"\n(?:inputs that led to it:|Attempts left: |No attempt is left\.)")


def hints(task: Task, interface: Interface | None, attempt: Episode | None) -> tuple[str, ...]:
    """Plan with clock and reset, failure of the last design, parts of the golden design.

    Args:
        interface: Ports of the design, if known.
    """
    problem = Problem.of(task)
    plan = [problem.plan] if problem.plan else []
    if interface is not None:
        plan.append(_registers(interface))
    begun = [f"submit a design that begins like this:\n{p}" for p in _parts(problem.goldens[0])]
    return graded(task, attempt, " ".join(plan), _failure(attempt), begun)


def _failure(attempt: Episode | None) -> str:
    """First failure of the last design that was submitted, without the inputs; or of any tool."""
    made = [call for call in calls(attempt) if not call.refused]
    judged = [call.reply for call in made if call.name == "submit" and _REFUSED in call.reply]
    if judged:
        said = _ENDS.split(judged[-1].partition(_REFUSED)[2], maxsplit=1)[0]
        if wrong := _OUTPUTS.match(said):
            return f"the outputs are wrong: {_quoted(wrong[1])}"
        return f"the design does not get past {_quoted(said)}"
    if not made:
        return ""
    said = made[-1].reply.partition("\n")[0]
    return f"no design was submitted; the last call of {made[-1].name} said: {_quoted(said)}"


def _quoted(text: str) -> str:
    return bounded_start(" ".join(text.split()), _QUOTED)


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


def _parts(golden: str) -> Iterator[str]:
    """Header of the golden design with a share of its body's lines; never the last one."""
    head, semicolon, body = golden.partition(";")
    lines = [line for line in body.splitlines() if line.strip()]
    lines = lines[:-1] if lines and lines[-1].strip().startswith("endmodule") else lines
    for count in shares(len(lines), *_SHARES):
        yield "\n".join([head + semicolon, *lines[:count], "  …"])
