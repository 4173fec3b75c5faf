"""Proofs that outputs never take values after reset, by property-directed reachability (PDR).

Temporal induction (`prove`) starts from any state: that a counter modulo 60 never reaches 127 it
cannot tell where the counter can be held. PDR (Bradley 2011; Een, Mishchenko and Brayton 2011), as
ABC has it, finds which states are reachable. That registers begin as the resets leave them is no
loss: an output that is defined from unknown registers on has that value from these ones too.
"""

from __future__ import annotations

from envgym.sandboxes.base import Backend
from envgym.sandboxes.graders.verilog.analysis.ports import Interface
from envgym.sandboxes.graders.verilog.tools.tool_commands import CONFLICT, PLAIN, plain, run_tool
from envgym.sandboxes.limits import Limits

_PROVED = "Property proved."
_READ = "read_verilog -sv {file}; hierarchy -check -top {top}; proc; flatten; memory; opt_clean; "
_WRITE = (
    "async2sync; opt_clean; {reset}; dffunmap; setundef -zero -undriven; opt -full; techmap;"
    " simplemap; dffunmap; abc -g AND -fast; opt_clean; aigmap; opt_clean; write_aiger -zinit p.aig"
)


async def unreachable(
    backend: Backend, source: str, interface: Interface, *, seconds: int, limits: Limits
) -> bool:
    """Return whether no output of a circuit of one clock and one edge is ever 1; False is no proof.

    Raises:
        Fault: The sandbox broke, or a tool is not there.
    """
    resets = [f"-reset{'' if r.active_high else 'n'} {r.name}" for r in interface.resets[:1]]
    reset = f"sim -clock {interface.clock} {resets[0]} -rstlen 3 -n 3 -w" if resets else ""
    script = _READ.format(file=PLAIN, top=interface.module) + _WRITE.format(reset=reset)
    short = limits.model_copy(update={"wall_s": 4.0 * seconds, "cpu_s": seconds + 1.0})
    async with await backend.open(limits=limits) as box:
        await box.write(PLAIN, plain(source).encode("utf-8", "replace"))
        made = await run_tool(box, "yosys", "-q", "-p", script, limits=short)
        if not made.ok or CONFLICT in made.error_text:
            return False
        found = await run_tool(
            box, "yosys-abc", "-c", f"read_aiger p.aig; orpos; pdr -T {seconds}", limits=short
        )
    return found.ok and any(line.startswith(_PROVED) for line in found.text.splitlines())
