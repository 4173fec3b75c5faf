"""Rules for an agent's own test bench: it may print and wait, and reads no file.

A bench runs in a box, alone with the agent's design, so there is nothing to cheat; but a box's
programs read the system's files, and what a bench printed of them would be told to the agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from envgym.sandboxes.graders.inbox.tools import calls
from envgym.sandboxes.graders.verilog.preprocess import preprocess
from envgym.sandboxes.graders.verilog.tokens import tokens

_MOST = 1 << 18
_FILES = (
    "$dump",
    "$f",
    "$input",
    "$key",
    "$list",
    "$log",
    "$readmem",
    "$reset",
    "$sdf",
    "$sreadmem",
    "$system",
    "$ungetc",
    "$rewind",
    "$value$plusargs",
    "$writemem",
)
_FINE = frozenset(["$dumpfile", "$dumpvars", "$dumpoff", "$dumpon", "$fatal", "$finish", "$floor"])


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
        elif token.kind == "system" and _opens_files(token.text):
            problems.append(f"line {token.line}: {token.text[:40]} {_FILE}")
        if len(problems) == _MOST_PROBLEMS:
            break
    return CheckedBench(made.text, problems)


def program_problems(program: bytes) -> list[str]:
    """What a compiled bench calls that it may not: the compiler's own word for what it read."""
    return [f"{name[:40]} {_FILE}" for name in _unique(calls(program)) if _opens_files(name)]


_FILE = "reads or writes files: print instead"


def _opens_files(name: str) -> bool:
    return name.startswith(_FILES) and name not in _FINE


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
