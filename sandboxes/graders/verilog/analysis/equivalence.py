"""Sequential equivalence of two circuits, by Yosys' SAT solver where it can decide.

Simulation shows that circuits differ; that they do not takes a proof. The miter of both is proved
by temporal induction from registers of unknown value: what the golden circuit leaves x is free.
Where all registers of both wait for the same edge of the same clock, a step of time is a clock;
elsewhere the clock is made an input like others (``clk2fflogic``), so that edges count too. Each is
read alone, so neither can use the other's modules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from envgym.errors import UsageError
from envgym.sandboxes.base import Backend
from envgym.sandboxes.graders.verilog.analysis.golden_analysis import analyse
from envgym.sandboxes.graders.verilog.judge import LIMITS
from envgym.sandboxes.graders.verilog.source.lint import Checked, check
from envgym.sandboxes.graders.verilog.source.preprocess import preprocess
from envgym.sandboxes.graders.verilog.tools.tool_commands import CONFLICT, plain, run_tool
from envgym.sandboxes.limits import MIB, Limits
from envgym.utils.thread_call import ThreadCall

_READ = (
    "read_verilog -sv {file}; hierarchy -check -top {top}; proc; flatten; memory; opt_clean;"
    " {clock}; design -stash {name}; design -reset; "
)
_MITER = (
    "design -copy-from gold -as gold {top}; design -copy-from gate -as gate {top};"
    " miter -equiv -ignore_gold_x -make_outputs -flatten gold gate miter; hierarchy -top miter;"
    " tee -q -o proof.txt sat -set-init-undef -enable_undef -set-def-inputs -tempinduct"
    " -maxsteps {steps} -prove trigger 0 -show-ports -timeout {seconds} miter"
)
_INPUT = re.compile(r"\s*(\d+) \\in_(\S+)\s+\S+\s+\S+\s+([01x-]+)\s*\Z")
_PROVEN = "Induction step proven: SUCCESS!"
_REFUTED = "SAT temporal induction proof finished - model found for base case: FAIL!"


class Proof(StrEnum):
    """Result of the solver."""

    PROVEN = "PROVEN"
    REFUTED = "REFUTED"
    UNKNOWN = "UNKNOWN"  # neither within its steps and its time


@dataclass(frozen=True)
class Equivalence:
    """A proof, or the reason for its absence.

    Attributes:
        detail: Yosys' message, or the values of each step that distinguish the two circuits.
        inputs: Inputs of these steps, by name; without a `clocked` proof the clock is one.
    """

    proof: Proof
    detail: str = ""
    inputs: tuple[Mapping[str, int], ...] = ()


async def equivalent(
    backend: Backend,
    golden: str,
    source: str,
    module: str,
    *,
    steps: int = 24,
    seconds: int = 20,
    limits: Limits = LIMITS,
) -> Equivalence:
    """Prove or refute that two designs of the same ports are one circuit.

    Args:
        golden: Trusted source.
        source: Untrusted source; the rules of `lint` apply to it.
        module: Module name of both.
        steps: Maximum number of time steps examined.
        seconds: Time limit for the whole proof.

    Raises:
        Fault: The sandbox broke, or a tool is missing.
    """
    arguments = {"source": source, "module": module}
    checked: Checked = await ThreadCall(check, arguments, name="verilog-rules").result()
    if checked.problems:
        return Equivalence(Proof.REFUTED, "\n".join(checked.problems[:10]))
    trusted = await ThreadCall(preprocess, {"source": golden}, name="verilog-text").result()
    edges = [await _edges(backend, text, module, limits) for text in (golden, source)]
    clocked = edges[0] == edges[1] and len(edges[0]) == 2
    return await prove(
        backend,
        trusted.text,
        checked.text,
        module,
        clocked=clocked,
        steps=steps,
        seconds=seconds,
        limits=limits,
    )


async def prove(
    backend: Backend,
    golden: str,
    source: str,
    module: str,
    *,
    clocked: bool,
    steps: int,
    seconds: int,
    limits: Limits = LIMITS,
) -> Equivalence:
    """Prove equivalence of preprocessed sources that keep the rules.

    Args:
        clocked: Whether all registers of both use the same edge of one clock.

    Raises:
        Fault: The sandbox broke, or a tool is missing.
    """
    clock = "async2sync" if clocked else "clk2fflogic"
    script = (
        _READ.format(file="gold.sv", top=module, name="gold", clock=clock)
        + _READ.format(file="gate.sv", top=module, name="gate", clock=clock)
        + _MITER.format(top=module, steps=steps, seconds=seconds)
    )
    short = limits.model_copy(update={"wall_s": seconds + 1.0, "cpu_s": seconds + 1.0})
    async with await backend.open(limits=limits) as box:
        await box.write("gold.sv", plain(golden).encode("utf-8", "replace"))
        await box.write("gate.sv", plain(source).encode("utf-8", "replace"))
        result = await run_tool(box, "yosys", "-q", "-p", script, limits=short)
        if not result.ok:
            words = result.error_text or result.detail or result.outcome
            return Equivalence(Proof.UNKNOWN, words[:1000])
        if CONFLICT in result.error_text:
            return Equivalence(Proof.UNKNOWN, "a net has two drivers: Yosys looks at one of them")
        log = (await box.read("proof.txt", limit=64 * MIB)).decode("utf-8", "replace")
    lines = log.splitlines()
    if _PROVEN in lines:
        return Equivalence(Proof.PROVEN)
    if _REFUTED in lines:
        values = [line for line in lines if "\\in_" in line or "\\gold_" in line]
        return Equivalence(Proof.REFUTED, "\n".join(values[-40:]), _inputs(lines))
    return Equivalence(Proof.UNKNOWN, "no proof and no counterexample within its bounds")


def _inputs(lines: Sequence[str]) -> tuple[Mapping[str, int], ...]:
    """Inputs of each step of a counterexample; a don't-care bit is 0."""
    steps: dict[int, dict[str, int]] = {}
    for line in lines:
        if found := _INPUT.match(line):
            step, name, bits = found.groups()
            steps.setdefault(int(step), {})[name] = int(re.sub("[^01]", "0", bits), 2)
    return tuple(steps[step] for step in sorted(steps))


async def _edges(backend: Backend, source: str, module: str, limits: Limits) -> tuple[str, ...]:
    """The clock and its active edges; empty if that is not one clock."""
    try:
        found = await analyse(backend, source, module, limits=limits)
    except UsageError:
        return ()
    return (found.clock, *found.edges) if found.clock else ()
