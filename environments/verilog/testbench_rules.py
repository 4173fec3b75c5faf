"""Rules for an agent's own test bench: it may print and wait, and reads no file.

A bench runs in a box, alone with the agent's design, so there is nothing to cheat; but a box's
programs read the system's files, and what a bench printed of them would be told to the agent.
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
"""Named one by one: a simulator has more tasks that read files than its manual says."""
_METHODS = "$ivl_"  # of strings, enumerations and queues: Icarus' own names for them


_MOST_PROBLEMS = 100
_MOST_TOKENS = 1 << 17
_REFUSED = {
    "escaped": "an escaped name: use plain names",
    "open": "a comment that never ends",
    "other": "a character outside a comment that begins nothing",
}


class CheckedBench(NamedTuple):
    """A bench held to the rules.

    Attributes:
        text: All that tools may read of it; see `preprocess`.
        problems: What it breaks, one line each; empty where nothing.
    """

    text: str
    problems: list[str]


def check_bench(source: str) -> CheckedBench:
    """Hold a bench's source to the rules, and make the text of it that tools read.

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
    """What a compiled bench calls that it may not: the compiler's own word for what it read."""
    foreign = (n for n in calls(program) if n not in _TASKS and not n.startswith(_METHODS))
    return [f"{name[:40]} {_OTHER}" for name in _unique(foreign)]


_OTHER = "is not for a bench: it may print, wait and compute, and opens no file"


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
