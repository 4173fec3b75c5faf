"""Toggle coverage: every output bit of a golden design takes both values, or provably cannot.

A bit that stays at one value under the stimulus is no judge: a constant would pass for it. Yosys'
solver proves such a bit constant, or finds inputs that turn it; a simulation of long held inputs
(`held`) finds the states of deep counters. What they find is added to the stimulus. What is left is
named, and the golden design refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from envgym.errors import UsageError
from envgym.sandboxes.base import Backend
from envgym.sandboxes.graders.verilog.analysis.equivalence import Equivalence, Proof, prove
from envgym.sandboxes.graders.verilog.analysis.golden_analysis import Examined
from envgym.sandboxes.graders.verilog.analysis.ports import Interface
from envgym.sandboxes.graders.verilog.analysis.reachability import unreachable
from envgym.sandboxes.graders.verilog.analysis.toggles import Unseen, floating, unseen
from envgym.sandboxes.graders.verilog.judge import Golden, TooSlow, record_golden
from envgym.sandboxes.graders.verilog.stimulus.held_inputs import held_stimulus
from envgym.sandboxes.graders.verilog.stimulus.input_patterns import Resets, bit_offsets
from envgym.sandboxes.graders.verilog.stimulus.stimulus import Stimulus
from envgym.sandboxes.graders.verilog.stimulus.stimulus_plan import RESET_ROWS
from envgym.sandboxes.graders.verilog.tools.tool_session import ToolSession
from envgym.sandboxes.graders.verilog.tools.wrapper import stuck, wrapped
from envgym.sandboxes.limits import Limits

_ALONE = 4  # values of one golden design that are looked at one by one
_SHOWN = 8


class _Effort(NamedTuple):
    """Bounds of a proof."""

    steps: int
    seconds: int


_QUICK, _THOROUGH = _Effort(steps=12, seconds=2), _Effort(steps=40, seconds=4)


async def cover(
    backend: Backend,
    tools: ToolSession,
    golden: Golden,
    found: Examined,
    *,
    more: Stimulus | None = None,
    limits: Limits,
) -> Golden:
    """Extend a stimulus until the golden design shows every value of every output bit.

    Args:
        backend: Backend of the solver's sandbox.
        tools: Session that simulates.
        golden: Golden design under the stimulus so far; returned unchanged if its traces show all.
        found: See `examine`.
        more: Rows to try before any search.
        limits: Limits of a simulation.

    Raises:
        UsageError: An output bit neither takes both values nor is provably constant, or is not
            driven.
        Fault: The sandbox broke, or a tool is missing.
    """
    if bare := floating(golden.interface, golden.written):
        raise UsageError(f"nothing drives {_few(bare)} in the golden design")
    gaps = unseen(golden.interface, golden.netlist_trace)
    if all((gap.port, gap.bit) in found.fixed for gap in gaps):
        return golden
    return await _Search(backend, tools, golden, found, limits).covered(more)


class _Search:
    def __init__(
        self, backend: Backend, tools: ToolSession, golden: Golden, found: Examined, limits: Limits
    ) -> None:
        self._backend, self._tools, self._limits = backend, tools, limits
        self._netlist, self._fixed = found.netlist, found.fixed
        self._golden = golden
        self._face = golden.interface
        self._proven: set[Unseen] = set()

    async def covered(self, more: Stimulus | None) -> Golden:
        if more is not None:
            await self._longer(more)
        await self._together(_QUICK)
        await self._proved(self._open, _QUICK)
        if self._open and self._face.clock:
            found = await held_stimulus(
                self._tools, self._golden.source, self._face, self._open, limits=self._limits
            )
            for rows in found:
                if await self._longer(rows):
                    await self._together(_QUICK)
                    break
        if self._open and len(self._face.edges) != 1:
            await self._together(_THOROUGH)
        await self._proved(self._open, _THOROUGH)
        for gap in self._open[:_ALONE]:
            await self._proved([gap], _THOROUGH)
        if self._open:
            raise UsageError(
                "its stimulus does not show what its outputs do: "
                f"{_few([str(gap) for gap in self._open])}, and no proof that it never is was "
                "found; a constant would pass"
            )
        return self._golden

    @property
    def _open(self) -> list[Unseen]:
        """Values that are neither seen nor proven unreachable."""
        found = [gap for gap in self._unseen if (gap.port, gap.bit) not in self._fixed]
        return [gap for gap in found if gap not in self._proven]

    @property
    def _unseen(self) -> list[Unseen]:
        return unseen(self._face, self._golden.netlist_trace)

    async def _together(self, effort: _Effort) -> None:
        """Prove all open values at once, since constants often depend on each other, or find
        inputs.
        """
        for value in (0, 1):  # a bit that is never defined is open for both
            while gaps := self._first(value):
                found = await self._proof(gaps, effort)
                if found.proof is Proof.PROVEN:
                    self._proven.update(gaps)
                elif found.proof is Proof.UNKNOWN or not await self._longer(self._stimulus(found)):
                    break

    def _first(self, value: int) -> list[Unseen]:
        """One open value per bit, this one where both are open."""
        gaps = {(gap.port, gap.bit): gap for gap in self._open if gap.value != value}
        gaps |= {(gap.port, gap.bit): gap for gap in self._open if gap.value == value}
        return list(gaps.values())

    async def _proved(self, gaps: Sequence[Unseen], effort: _Effort) -> None:
        """Try to prove these values unreachable from reset, if a single clock edge counts."""
        if not gaps or len(self._face.edges) != 1:
            return
        watched = wrapped(self._golden.source, self._face, _watching(self._face, gaps))
        if await unreachable(
            self._backend, watched, self._face, seconds=effort.seconds, limits=self._limits
        ):
            self._proven.update(gaps)

    async def _proof(self, gaps: Sequence[Unseen], effort: _Effort) -> Equivalence:
        """Return whether the golden design never takes these values."""
        shown, constant = _shown(self._face, gaps)
        return await prove(
            self._backend,
            wrapped(self._golden.source, self._face, shown),
            wrapped(self._golden.source, self._face, constant),
            self._face.module,
            clocked=len(self._face.edges) == 1,
            steps=effort.steps,
            seconds=effort.seconds,
            limits=self._limits,
        )

    def _stimulus(self, found: Equivalence) -> Stimulus:
        """Steps of a counterexample as rows; a step is a clock cycle if there is a clock, else a
        row.
        """
        face, at = self._face, bit_offsets(self._face)
        subsets = Resets(face).subsets
        rows = [subsets[0].put(0)] * RESET_ROWS if subsets else []
        for step in found.inputs:
            row = sum(step.get(port.name, 0) << at[port.name] for port in face.driven)
            rows += [row, row] if face.clock else [row]
        return Stimulus(tuple(rows), face.width)

    async def _longer(self, more: Stimulus) -> bool:
        """Drive the golden design with more rows; return whether that shows more values."""
        before, stimulus = self._unseen, self._golden.stimulus
        if not more.rows:
            return False
        if self._face.clock and len(stimulus.rows) % 2:  # an even row's edge is a rising one
            stimulus = stimulus.then(Stimulus(stimulus.rows[-1:], self._face.width))
        try:
            golden = await record_golden(
                self._tools,
                self._golden.source,
                self._face,
                stimulus.then(more),
                netlist=self._netlist,
                limits=self._limits,
            )
        except TooSlow:
            return False
        if len(unseen(self._face, golden.netlist_trace)) == len(before):
            return False
        self._golden = golden
        return True


def _shown(interface: Interface, gaps: Sequence[Unseen]) -> tuple[dict[str, str], dict[str, str]]:
    """Expressions by output that keep these bits only, and the apparent constants."""
    values = {(gap.port, gap.bit): gap.value for gap in gaps}
    shown, constant = {}, {}
    for port in interface.outputs:
        bits = {bit: 1 - values.get((port.name, bit), 1) for bit in range(port.width)}
        hidden = {bit: 0 for bit in bits if (port.name, bit) not in values}
        shown[port.name], constant[port.name] = stuck(port, hidden), stuck(port, bits)
    return shown, constant


def _watching(interface: Interface, gaps: Sequence[Unseen]) -> dict[str, str]:
    """Expressions by output whose bits are 1 when one of these values occurs."""
    shown, constant = _shown(interface, gaps)
    return {name: f"({shown[name]}) ^ ({constant[name]})" for name in shown}


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
