"""Scope resolution: a dotted name may reach only declarations of its own source.

Structs, named blocks, generate blocks, functions and instances are all reached by a dot, and so is
another module. Which of them a name means only the declarations in scope say.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from envgym.sandboxes.graders.verilog.source.lexer import Token


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TYPES = _words(
    """
    automatic bit byte const enum function genvar inout input int integer localparam logic
    longint output parameter real realtime ref reg shortint shortreal signed static string supply0
    supply1 task time tri tri0 tri1 triand trior trireg unsigned uwire var void wand wire
    wor
    """
)
_KEYWORDS = _words(
    """
    always always_comb always_ff always_latch and assign begin break buf bufif0 bufif1 case casex
    casez continue default disable do edge else end endcase endfunction endgenerate endmodule
    endpackage endtask for foreach forever fork generate if iff initial inside join macromodule
    module nand negedge nor not notif0 notif1 or package packed pmos posedge priority pulldown
    pullup rcmos repeat return struct super tagged this typedef union unique unique0 while xnor
    xor
    """
)
_ENDS = {
    "end": ("begin",),
    "endfunction": ("function",),
    "endmodule": ("module", "macromodule"),
    "endpackage": ("package",),
    "endtask": ("task",),
}
_PORTS = ("(", ",")  # a dot behind these begins a port's name
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


class _Scope:
    def __init__(self, kind: str, outer: _Scope | None) -> None:
        self.kind = kind
        self.outer = outer
        self.names: set[str] = set()

    def knows(self, name: str) -> bool:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.names:
                return True
            scope = scope.outer
        return False


class _Use(NamedTuple):
    scope: _Scope
    name: str
    member: str
    line: int


def foreign_names(found: list[Token]) -> Iterator[tuple[int, str]]:
    """Line and text of each dotted name whose first part no enclosing scope declares."""
    if not any(b.text == "." and a.text not in _PORTS for a, b in pairwise(found)):
        return
    seen: dict[tuple[int, str], bool] = {}
    for use in _Walk(found).uses():
        key = (id(use.scope), use.name)
        if key not in seen:
            seen[key] = use.scope.knows(use.name)
        if not seen[key]:
            yield use.line, f"{use.name}.{use.member}"


class _Walk:
    """One pass over the tokens: declarations by scope, and uses of dots."""

    def __init__(self, found: list[Token]) -> None:
        self._found = found
        self._texts = [token.text for token in found]
        self._scope = _Scope("unit", None)
        # For each open bracket: its place, whether names are being declared in it, its own scope.
        self._declaring = [False]
        self._brackets: list[tuple[int, bool]] = []
        self._opening: dict[int, int] = {}  # of each closing bracket
        self._before: list[int] = []  # the place before each token, with [...] passed over
        self._body = ""  # a function or struct whose name has been read, and whose body comes

    def uses(self) -> list[_Use]:
        """All dotted names, to be resolved after the whole source is read."""
        used = []
        for place, token in enumerate(self._found):
            last = place - 1
            if last >= 0 and self._texts[last] == "]" and last in self._opening:
                last = self._before[self._opening[last]]
            self._before.append(last)
            if token.kind == "word":
                self._word(place, token.text)
            elif token.kind == "sign":
                self._sign(place, token.text)
                if token.text == "." and (use := self._use(place)):
                    used.append(use)
        return used

    def _text(self, place: int) -> str:
        return self._texts[place] if 0 <= place < len(self._texts) else ""

    def _word(self, place: int, word: str) -> None:
        if word in _ENDS:
            if self._scope.kind in _ENDS[word] and self._scope.outer is not None:
                self._scope = self._scope.outer
        elif word in ("begin", "module", "macromodule", "package"):
            self._scope = _Scope(word, self._scope)
            self._declaring[-1] = False
        elif word in ("function", "task", "struct", "union"):
            self._body = word
        elif word not in _KEYWORDS and word not in _TYPES:
            self._name(place, word)

    def _name(self, place: int, name: str) -> None:
        before, last, after = self._before[place], self._text(place - 1), self._text(place + 1)
        if last == ":" and self._text(place - 2) == "begin":
            assert self._scope.outer is not None  # a block has been opened
            self._scope.outer.names.add(name)
        elif after == ":" and self._text(place + 2) == "begin":
            self._scope.names.add(name)
        elif self._declares(before, after) or (last == "," and self._declaring[-1]):
            self._scope.names.add(name)
            self._declaring[-1] = True

    def _declares(self, before: int, after: str) -> bool:
        """Return whether the tokens before a name are a type, or a module with parameters."""
        if before < 0:
            return False
        token = self._found[before]
        if token.kind == "word":
            return token.text not in _KEYWORDS
        if token.text == ")":
            return self._text(self._opening.get(before, 0) - 1) == "#"
        return token.text == "}"

    def _sign(self, place: int, sign: str) -> None:
        if sign in _OPENING:
            own = sign == "{" and self._body in ("struct", "union")
            if own or (sign == "(" and self._body in ("function", "task")):
                self._scope = _Scope(self._body, self._scope)
                self._body = ""
            self._brackets.append((place, own))
            self._declaring.append(False)
        elif sign in _CLOSING and self._brackets:
            opened, own = self._brackets.pop()
            self._declaring.pop()
            self._opening[place] = opened
            if own and self._scope.kind in ("struct", "union") and self._scope.outer is not None:
                self._scope = self._scope.outer
        elif sign == ";":
            self._declaring[-1] = False
            if self._body:
                self._scope = _Scope(self._body, self._scope)
                self._body = ""

    def _use(self, place: int) -> _Use | None:
        last, member = self._text(place - 1), self._text(place + 1)
        if last in _PORTS:
            return None  # a port by its name
        before = self._before[place]
        if self._text(before - 1) == ".":
            return None  # that dot is judged itself
        if self._text(before - 1) == self._text(before - 2) == ":":
            return None  # of a package
        known = before >= 0 and self._found[before].kind == "word"
        name = self._texts[before] if known else ""
        return _Use(self._scope, name, member, self._found[place].line)
