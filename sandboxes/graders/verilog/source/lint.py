"""Lint rules for a design's source: circuits are allowed, access to the simulator is not.

The test bench would detect most of what is refused here. The rules report it at once, in words, and
are a second line of defence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice, pairwise
from typing import NamedTuple

from envgym.sandboxes.graders.verilog.source.lexer import Token, tokens
from envgym.sandboxes.graders.verilog.source.preprocess import MOST_CHARACTERS, preprocess
from envgym.sandboxes.graders.verilog.source.scopes import foreign_names

FUNCTIONS = (
    "$bits",
    "$clog2",
    "$countones",
    "$high",
    "$left",
    "$low",
    "$onehot",
    "$onehot0",
    "$right",
    "$signed",
    "$size",
    "$unsigned",
)
_WORDS = frozenset(
    [
        "assert",
        "assume",
        "bind",
        "checker",
        "class",
        "config",
        "cover",
        "covergroup",
        "deassign",
        "defparam",
        "event",
        "expect",
        "export",
        "extern",
        "final",
        "force",
        "fork",
        "import",
        "incdir",
        "include",
        "interface",
        "join",
        "join_any",
        "join_none",
        "library",
        "modport",
        "primitive",
        "program",
        "property",
        "randcase",
        "release",
        "restrict",
        "sequence",
        "specify",
        "specparam",
        "wait",
        "wait_order",
    ]
)
_REASONS = {
    "import": "'import' is not read by Yosys: write package::name",
}
# What makes a tool take another circuit for the one that is written.
_ATTRIBUTES = re.compile(
    r"(?:abc9_\w*|ivl_\w*|techmap_\w*|\w*black_?box\w*|(?:lib_)?whitebox|(?:all|any)(?:const|seq)|"
    r"gclk|hierconn|init|reprocess_after|syn_isclock|top|translate_o\w*)\Z",
    re.IGNORECASE,
)
_MOST_PROBLEMS = 100
_MOST_TOKENS = 1 << 17


class Checked(NamedTuple):
    """A checked design.

    Attributes:
        text: The only text that tools may read; see `preprocess`.
        problems: Violations, one line each with its line number; empty if there are none.
    """

    text: str
    problems: list[str]


def check(source: str, module: str) -> Checked:
    """Check a design's source against the rules, and make the text that tools read.

    It takes linear time and never raises, but a source may be long, so call it in a thread.

    Args:
        source: Verilog or SystemVerilog.
        module: Module that it has to define, once.
    """
    if len(source) > MOST_CHARACTERS:
        return Checked("", [f"the design is longer than {MOST_CHARACTERS} characters"])
    made = preprocess(source)
    if made.problems:
        return Checked(made.text, _lines(made.problems))
    found = list(islice(tokens(made.text), _MOST_TOKENS + 1))
    if len(found) > _MOST_TOKENS:
        return Checked("", [f"the design has more than {_MOST_TOKENS} words, numbers and signs"])
    problems = _lines(chain(_problems(found), _attributes(made.attributes)))
    modules = [b.text for a, b in pairwise(found) if a.text in _MODULE]
    if modules.count(module) != 1:
        problems.append(f"it has to define module {module} exactly once")
    return Checked(made.text, problems)


def lint(source: str, module: str) -> list[str]:
    """Return the problems that `check` finds."""
    return check(source, module).problems


_MODULE = ("module", "macromodule")


def _lines(problems: Iterable[tuple[int, str]]) -> list[str]:
    return [f"line {line}: {message}" for line, message in islice(problems, _MOST_PROBLEMS)]


def _problems(found: list[Token]) -> Iterator[tuple[int, str]]:
    for token in found:
        kind, text, line = token.kind, token.text, token.line
        if kind == "open":
            yield line, "a comment that never ends"
        elif kind == "other":
            yield line, f"the character {text!r} outside a comment"
        elif kind == "escaped":
            yield line, f"the escaped name {text[:40]!r}: use plain names"
        elif kind == "system" and text not in FUNCTIONS:
            yield line, f"{text[:40]} is not for circuits"
        elif kind == "word" and text in _WORDS:
            yield line, _REASONS.get(text, f"{text!r} is not allowed in a design")
    for line, name in foreign_names(found):
        yield line, f"a name may not reach into another module: {name[:80]}"


def _attributes(found: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for line, name in found:
        if _ATTRIBUTES.match(name):
            yield line, f"the attribute {name[:40]!r} makes another circuit of it: leave it out"
