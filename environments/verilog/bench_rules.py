"""Rules for an agent's own test bench: it may print and wait, and reads no file.

A bench runs in a box, alone with the agent's design, so there is nothing to cheat; but a box's
programs read the system's files, and what a bench printed of them would be told to the agent.
"""

from __future__ import annotations

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


def bench_problems(source: str) -> list[str]:
    """What a bench's source breaks, one line each; empty where nothing."""
    if len(source) > _MOST:
        return [f"the test bench is longer than {_MOST} characters"]
    found = list(tokens(source))
    problems = []
    for place, token in enumerate(found):
        text = token.text
        if token.kind == "system" and text.startswith(_FILES) and text not in _FINE:
            problems.append(f"line {token.line}: {text} reads or writes files: print instead")
        elif token.kind == "directive" and text == "`include":
            problems.append(f"line {token.line}: there are no files to include")
        elif text == "`" and place + 1 < len(found):
            problems.append(f"line {token.line}: macros may not paste or quote tokens")
    return problems
