"""Rules for an agent's testbench: printing and waiting are allowed, file access is not.

A testbench runs in a sandbox with the agent's own design, so there is nothing to cheat; but sandbox
programs can read system files, and printed contents would reach the agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from envgym.sandboxes.graders.harness.tool_runner import calls
from envgym.sandboxes.graders.verilog.source.lexer import tokens
from envgym.sandboxes.graders.verilog.source.preprocess import preprocess

_MOST = 1 << 18
_PRINTS = ("$display", "$monitor", "$strobe", "$swrite", "$write")
_COMPUTES = """
$abs $acos $acosh $asin $asinh $atan $atan2 $atanh $bits $bitstoreal $bitstoshortreal $cast
$ceil $clog2 $cos $cosh $countbits $countdrivers $countones $dimensions $dist_chi_square
$dist_erlang $dist_exponential $dist_normal $dist_poisson $dist_t $dist_uniform $dumpall
$dumpfile $dumpflush $dumplimit $dumpoff $dumpon $dumpvars $error $exp $fatal $finish $floor
$high $hypot $increment $info $isunknown $itor $left $ln $log10 $low $max $min $monitoroff
$monitoron $onehot $onehot0 $pow $printtimescale $random $realtime $realtobits $right $rtoi
$sformat $sformatf $shortrealtobits $signed $simtime $sin $sinh $size $sqrt $sscanf $stime
$stop $tan $tanh $test$plusargs $time $timeformat $typename $unpacked_dimensions $unsigned
$urandom $urandom_range $warning
"""
_TASKS = frozenset(_COMPUTES.split()) | {
    task + base for task in _PRINTS for base in ("", "b", "h", "o")
}
"""Allowed system tasks; an allow list, because simulators have undocumented file tasks."""
_METHODS = "$ivl_"  # Icarus' internal names for methods of strings, enumerations and queues


_MOST_PROBLEMS = 100
_MOST_TOKENS = 1 << 17
_REFUSED = {
    "escaped": "an escaped name: use plain names",
    "open": "a comment that never ends",
    "other": "a character outside a comment that begins nothing",
}


class CheckedBench(NamedTuple):
    """Testbench checked against the rules.

    Attributes:
        text: Text that tools may read; see `preprocess`.
        problems: Broken rules, one line each; empty for a valid testbench.
    """

    text: str
    problems: list[str]


def check_bench(source: str) -> CheckedBench:
    """Check a testbench's source, and return the text that tools read.

    Its time grows with the source's length, and it never raises.
    """
    if len(source) > _MOST:
        return CheckedBench("", [f"the test bench is longer than {_MOST} characters"])
    made = preprocess(source, timing=True)
    problems = [f"line {line}: {words}" for line, words in made.problems]
    if problems:
        return CheckedBench("", problems)
    found = list(islice(tokens(made.text), _MOST_TOKENS + 1))
    if len(found) > _MOST_TOKENS:
        return CheckedBench("", [f"the test bench has more than {_MOST_TOKENS} words and signs"])
    for token in found:
        if token.kind in _REFUSED:
            problems.append(f"line {token.line}: {_REFUSED[token.kind]}")
        elif token.kind == "system" and token.text not in _TASKS:
            problems.append(f"line {token.line}: {token.text[:40]} {_OTHER}")
        if len(problems) == _MOST_PROBLEMS:
            break
    return CheckedBench(made.text, problems)


def program_problems(program: bytes) -> list[str]:
    """Forbidden calls in a compiled testbench, as the compiler resolved them."""
    foreign = (n for n in calls(program) if n not in _TASKS and not n.startswith(_METHODS))
    return [f"{name[:40]} {_OTHER}" for name in _unique(foreign)]


_OTHER = "is not for a bench: it may print, wait and compute, and opens no file"


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
