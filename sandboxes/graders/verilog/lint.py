"""Rules for a design's source: what a circuit needs is allowed, what talks to a simulator is not.

The driver would see through most of what is refused here; the rules say so at once, in words, and
are a second wall where it would not.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from envgym.sandboxes.graders.verilog.tokens import Token, tokens

_BYTES = 1 << 20
_FUNCTIONS = frozenset(
    [
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
    ]
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
_DIRECTIVES = frozenset(
    [
        "default_nettype",
        "define",
        "else",
        "elsif",
        "endif",
        "ifdef",
        "ifndef",
        "resetall",
        "timescale",
        "undef",
    ]
)
_NAMING = frozenset(["define", "elsif", "ifdef", "ifndef", "undef"])
_TOOLS = frozenset(["FORMAL", "ICARUS", "SYNTHESIS", "VERILATOR", "YOSYS"])
_ATTRIBUTES = frozenset(
    [
        "fsm_encoding",
        "full_case",
        "keep",
        "mark_debug",
        "parallel_case",
        "ram_style",
        "ramstyle",
        "rom_style",
        "use_dsp",
    ]
)


def lint(source: str, module: str) -> list[str]:
    """What a design's source breaks, one line each with its line number; empty where nothing.

    Args:
        source: Verilog or SystemVerilog.
        module: The module that it has to define, once.
    """
    if len(source) > _BYTES:
        return [f"the design is longer than {_BYTES} characters"]
    found = list(tokens(source))
    problems = [f"line {line}: {message}" for line, message in _problems(found)]
    modules = [b.text for a, b in pairwise(found) if a.text in _MODULE]
    if modules.count(module) != 1:
        problems.append(f"it has to define module {module} exactly once")
    return problems


_MODULE = ("module", "macromodule")


def _problems(found: list[Token]) -> Iterator[tuple[int, str]]:
    defined: set[str] = set()
    scopes = _scopes(found)
    for place, token in enumerate(found):
        after = found[place + 1].text if place + 1 < len(found) else ""
        kind, text, line = token.kind, token.text, token.line
        if kind == "other":
            yield line, f"the character {text!r} outside a comment"
        elif kind == "escaped":
            yield line, f"the escaped name {text[:40]!r}: use plain names"
        elif kind == "system" and text not in _FUNCTIONS:
            yield line, f"{text} is not for circuits"
        elif kind == "word" and text in _WORDS:
            yield line, f"{text!r} is not allowed in a design"
        elif kind == "directive":
            problem = _directive(text[1:], after, defined)
            if problem:
                yield line, problem
        elif text == "`":
            yield line, "macros may not paste or quote tokens"
        elif text == "(" and after == "*":
            problem = _attribute(found, place + 2)
            if problem:
                yield line, problem
        elif text == "." and not _is_own_member(found, place, scopes):
            yield line, f"a name may not reach into another module: .{after}"


def _directive(name: str, after: str, defined: set[str]) -> str:
    if name in _NAMING:
        if after in _TOOLS or after.startswith("__"):
            return f"`{name} {after}: a design is the same for every tool"
        if name == "define":
            defined.add(after)
        return ""
    if name in _DIRECTIVES or name in defined:
        return ""
    return f"`{name} is not allowed, or not defined above"


def _attribute(found: list[Token], place: int) -> str:
    """Attributes speak to tools; a few are common and harmless. ``@(*)`` is none."""
    while place < len(found) and found[place].text != ")":
        token = found[place]
        if token.kind == "word" and token.text not in _ATTRIBUTES:
            return f"the attribute {token.text!r}"
        place += 1
    return ""


def _is_own_member(found: list[Token], place: int, scopes: set[str]) -> bool:
    """Whether a dot is a named port, or reaches into something that the source itself declares."""
    place -= 1
    if place < 0 or found[place].text in ("(", ","):
        return place >= 0
    depth = 0
    while place >= 0 and (depth or found[place].text == "]"):
        depth += (found[place].text == "]") - (found[place].text == "[")
        place -= 1
    if place >= 1 and found[place - 1].text == ".":
        return True  # the dot before is judged itself
    return place >= 0 and found[place].text in scopes


def _scopes(found: list[Token]) -> set[str]:
    """Names that a dot may follow: labelled blocks, instances, variables of a struct type."""
    texts = [token.text for token in found]
    structs = {texts[i + 1] for i, text in enumerate(texts[:-1]) if text == "}"}
    scopes = set()
    for i in range(1, len(found) - 1):
        if found[i].kind != "word":
            continue
        before, after = texts[i - 1], texts[i + 1]
        instance = after == "(" and (found[i - 1].kind == "word" or before == ")")
        labelled = before == ":" and i >= 2 and texts[i - 2] == "begin"
        if instance or labelled or before in structs or before == "}":
            scopes.add(texts[i])
    return scopes
