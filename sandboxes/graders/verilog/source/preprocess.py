"""Preprocessor: one text of a circuit for every reader, without comments, macros and attributes.

Icarus, Yosys and a lexer of our own disagree about where comments end, what a macro pastes
together, and what a comment may order. So none of them reads what was written: rules and tools
read the text that is made of it here, in which there is nothing left to disagree about. Every
token stays on its line. Macros are replaced token by token, with space around, and paste nothing
(IEEE 1800, 22.5).
"""

from __future__ import annotations

import re
from typing import NamedTuple

MOST_CHARACTERS = 1 << 20
"""Maximum size of a source, and of its text after macro expansion."""
_TOO_FAR = f"to more than {MOST_CHARACTERS} characters"
_MOST_PROBLEMS = 100
_DEPTH = 32  # macros in macros
_WORK = 4 * MOST_CHARACTERS  # characters of macros' bodies that are read, and a few more for each
_USE = 64

_LINE_END = re.compile(r"\r\n?")
_STRING = r'"(?:[^"\\\n]|\\[^\n])*+"?'  # also one that is never closed, for the sake of time
_COMMENT = re.compile(rf"{_STRING}|//[^\n]*|/\*.*?\*/|/\*.*", re.DOTALL)
_SPACE = r"[ \t\n]*+"
_ATTRIBUTE = re.compile(
    rf"{_STRING}|\({_SPACE}\*(?!{_SPACE}\))"
    rf'(?P<names>(?:{_STRING}|[^"();*]|\*(?!{_SPACE}\)))*+)(?P<end>\*{_SPACE}\))?'
)
_COMMA = re.compile(rf"{_STRING}|,")
_TICK = re.compile(
    rf'(?P<before>(?:[^"`]++|{_STRING})*+)`(?P<name>[A-Za-z_][\w$]*+)?', re.ASCII | re.DOTALL
)
_PASTE = re.compile(r"`(?![A-Za-z_])")
_NAME = re.compile(r"[ \t]*([A-Za-z_][\w$]*)", re.ASCII)
_TO_LINE_END = re.compile(r"(?:[^\\\n]|\\\n|\\[^\n])*\\?")
_PART = re.compile(rf"{_STRING}|[\[({{\])}},]")
_WORD = re.compile(rf"{_STRING}|`?[A-Za-z_$][\w$]*", re.ASCII)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")

_TIME = r"[ \t]+1(?:00?)?[ \t]*[munpf]?s[ \t]*/[ \t]*1(?:00?)?[ \t]*[munpf]?s"
_LINES = {
    "celldefine": "",
    "default_nettype": r"[ \t]+[a-z0-9]+",
    "endcelldefine": "",
    "resetall": "",
    "timescale": _TIME,
}
_ALONE = {name: re.compile(rf"({rest})[ \t]*(?=\n|\Z)") for name, rest in _LINES.items()}
_CONDITIONS = frozenset(["ifdef", "ifndef", "elsif", "else", "endif"])
_RESERVED = _CONDITIONS | _LINES.keys() | {"define", "include", "undef"}
SYNTHESIS = ("full_case", "parallel_case")
"""Attributes that are kept, because their effect is graded."""


class Preprocessed(NamedTuple):
    """A preprocessed source.

    Attributes:
        text: The only text that a tool may read; incomplete if there are problems.
        problems: Line number and message of each problem.
        attributes: Line number and name of each attribute of the source.
    """

    text: str
    problems: list[tuple[int, str]]
    attributes: list[tuple[int, str]]


def preprocess(source: str, *, timing: bool = False) -> Preprocessed:
    """Make the text that every tool reads, in linear time.

    Args:
        source: Verilog or SystemVerilog.
        timing: Whether it may set the unit of its delays, as a test bench does; a circuit may not,
            and SYNTHESIS is defined in it.
    """
    text = _LINE_END.sub("\n", source.removeprefix("\ufeff")).replace("\f", " ").replace("\v", " ")
    text = _COMMENT.sub(_without_comment, text)
    problems: list[tuple[int, str]] = []
    if "`" in text:
        expansion = _Expansion(timing)
        text = expansion.of(text)
        problems = expansion.problems
    text = text.replace("\\\n", " \n")
    attributes: list[tuple[int, str]] = []
    if "(" in text and "*" in text:
        text, attributes, broken = _without_attributes(text)
        problems += broken
    return Preprocessed(text, problems, attributes)


def _without_attributes(
    text: str,
) -> tuple[str, list[tuple[int, str]], list[tuple[int, str]]]:
    attributes: list[tuple[int, str]] = []
    broken: list[tuple[int, str]] = []
    parts, at, line = [], 0, 1
    for match in _ATTRIBUTE.finditer(text):
        if match["names"] is None:
            continue
        parts.append(text[at : match.start()])
        line += parts[-1].count("\n")
        at = match.end()
        if match["end"] is None:
            broken.append((line, "an attribute is written (* name = value, … *)"))
            if len(broken) == _MOST_PROBLEMS:
                break
        names = [name.split("=")[0].strip() for name in _COMMA.split(match["names"])]
        attributes += [(line, name) for name in names if name]
        kept = [name for name in names if name in SYNTHESIS]
        parts.append(f"(* {', '.join(kept)} *)" if kept else " ")
        lines = match[0].count("\n")
        parts.append("\n" * lines)
        line += lines
    parts.append(text[at:])
    return "".join(parts), attributes, broken


def _without_comment(match: re.Match[str]) -> str:
    found = match[0]
    if found[0] == '"':
        return found
    if found[1] == "*" and not (found.endswith("*/") and len(found) > 3):
        return "/*"  # it never ends: the rules tell
    return " " + "\n" * found.count("\n")


class _Macro(NamedTuple):
    parameters: list[tuple[str, str]] | None  # names with defaults
    body: str


class _Stop(Exception):
    """Stop reading: the rest of the source makes no sense."""


class _Expansion:
    """State of one preprocessing."""

    def __init__(self, timing: bool) -> None:
        self.problems: list[tuple[int, str]] = []
        self._timing = timing
        self._macros = {} if timing else {"SYNTHESIS": _Macro(None, "")}
        self._open: list[tuple[bool, bool, bool]] = []  # enclosing taken, this taken, one was taken
        self._made: list[str] = []
        self._size = self._work = 0
        self._line = 1

    def of(self, text: str) -> str:
        """Text without macros and conditions."""
        try:
            self._read(text, 0)
            if self._open:
                self._problem("`ifdef without `endif")
        except _Stop:
            pass
        return "".join(self._made)

    def _read(self, text: str, depth: int) -> None:
        """Copy a text at this depth of nested macro bodies."""
        self._work += (len(text) + _USE) if depth else 0
        if self._work > _WORK or depth > _DEPTH:
            raise self._stopped(
                f"macros use themselves, or expand to more than {MOST_CHARACTERS} characters"
            )
        at = 0
        while match := _TICK.match(text, at):
            self._copy(match["before"], depth)
            name, tick = match["name"], match.end("before")
            at = self._directive(name, text, match.end(), depth) if name else match.end()
            if not name and self._taken:
                self._problem("macros may not paste or quote tokens")
            if not depth:
                self._pass(text[tick:at])
        self._copy(text[at:], depth)

    @property
    def _taken(self) -> bool:
        return not self._open or self._open[-1][1]

    def _copy(self, text: str, depth: int) -> None:
        if self._taken:
            self._put(text)
        elif not depth:
            self._put("\n" * text.count("\n"))
        if not depth:
            self._line += text.count("\n")

    def _pass(self, text: str) -> None:
        """Keep the line count of text that is dropped."""
        lines = text.count("\n")
        self._line += lines
        self._put("\n" * lines)

    def _put(self, text: str) -> None:
        self._size += len(text)
        if self._size > MOST_CHARACTERS:
            raise self._stopped(f"macros expand {_TOO_FAR}")
        self._made.append(text)

    def _directive(self, name: str, text: str, at: int, depth: int) -> int:
        """Execute a directive; return the offset behind it."""
        if name in _CONDITIONS:
            return self._condition(name, text, at)
        if not self._taken:
            return at
        if name == "define":
            return self._define(text, at)
        if name == "undef":
            match = self._name(text, at, name)
            self._macros.pop(match[1], None)
            return match.end()
        if name in self._macros:
            return self._use(name, text, at, depth)
        if name in _LINES:
            return self._line_of_its_own(name, text, at, depth)
        self._problem(f"`{name} is not allowed, or not defined above")
        return at

    def _line_of_its_own(self, name: str, text: str, at: int, depth: int) -> int:
        """Require the end of the line, because tools read the rest of it in different ways."""
        match = _ALONE[name].match(text, at)
        before = text[text.rfind("\n", 0, at) + 1 : at - len(name) - 1]
        if match is None or depth or before.strip():
            self._problem(f"`{name} is malformed, or not alone on its line")
            return at
        if self._timing or name == "default_nettype":
            self._put(f"`{name}{match[1]}")
        elif name == "resetall":
            self._put("`default_nettype wire")  # the rest of it is no circuit's to reset
        return match.end()

    def _name(self, text: str, at: int, directive: str) -> re.Match[str]:
        match = _NAME.match(text, at)
        if match is None:
            raise self._stopped(f"`{directive} needs a name")
        return match

    def _condition(self, name: str, text: str, at: int) -> int:
        wanted = False
        if name in ("ifdef", "ifndef", "elsif"):
            match = self._name(text, at, name)
            wanted = (match[1] in self._macros) == (name != "ifndef")
            at = match.end()
        if name in ("ifdef", "ifndef"):
            outer = self._taken
            self._open.append((outer, outer and wanted, wanted))
            return at
        if not self._open:
            raise self._stopped(f"`{name} without `ifdef")
        outer, _, before = self._open.pop()
        if name == "elsif":
            self._open.append((outer, outer and wanted and not before, before or wanted))
        elif name == "else":
            self._open.append((outer, outer and not before, True))
        return at

    def _define(self, text: str, at: int) -> int:
        match = self._name(text, at, "define")
        name, at = match[1], match.end()
        parameters = None
        if text.startswith("(", at):
            parts, at = self._parts(text, at + 1, f"`define {name}")
            parameters = []
            for part in parts:
                parameter, _, default = part.partition("=")
                parameters.append((parameter.strip(), default.strip()))
        body = _TO_LINE_END.match(text, at)
        assert body is not None  # it may be empty
        if name in _RESERVED:
            self._problem(f"`define {name}: that is a directive's own name")
        if _PASTE.search(body[0]):
            self._problem("macros may not paste or quote tokens")
        self._macros[name] = _Macro(parameters, body[0].replace("\\\n", " ").strip())
        return body.end()

    def _use(self, name: str, text: str, at: int, depth: int) -> int:
        parameters, body = self._macros[name]
        if parameters is not None:
            opening = at
            while text[opening : opening + 1].isspace():
                opening += 1
            if not text.startswith("(", opening):
                raise self._stopped(f"the macro `{name} needs arguments: `{name}(…)")
            given, at = self._parts(text, opening + 1, f"`{name}")
            body = self._filled(name, body, parameters, given)
        self._put(" ")
        self._read(body, depth + 1)
        self._put(" ")
        return at

    def _filled(
        self, name: str, body: str, parameters: list[tuple[str, str]], given: list[str]
    ) -> str:
        """Body of a macro with its arguments, inserted once and not read again."""
        if len(given) > max(len(parameters), 1):
            raise self._stopped(
                f"the macro `{name} takes {len(parameters)} arguments, not {len(given)}"
            )
        given += [""] * (len(parameters) - len(given))
        values = {
            parameter: argument.strip() or default
            for (parameter, default), argument in zip(parameters, given, strict=False)
        }
        size = 0

        def value(match: re.Match[str]) -> str:
            nonlocal size
            word = match[0]
            filled = f" {values[word]} " if word in values else word
            size += len(filled)
            if size > MOST_CHARACTERS:
                raise self._stopped(f"macros expand {_TOO_FAR}")
            return filled

        return _WORD.sub(value, body)

    def _parts(self, text: str, at: int, of: str) -> tuple[list[str], int]:
        """Texts between commas up to a closing parenthesis, and the offset behind it."""
        parts, begin, depth = [], at, 0
        for match in _PART.finditer(text, at):
            sign = match[0]
            if sign in _OPENING:
                depth += 1
            elif depth and sign in _CLOSING:
                depth -= 1
            elif not depth and sign in (",", ")"):
                parts.append(text[begin : match.start()].replace("\n", " "))
                begin = match.end()
                if sign == ")":
                    self._work += begin - at
                    return parts, begin
        raise self._stopped(f"{of}( has no closing parenthesis")

    def _problem(self, words: str) -> None:
        self.problems.append((self._line, words))
        if len(self.problems) == _MOST_PROBLEMS:
            raise _Stop

    def _stopped(self, words: str) -> _Stop:
        self.problems.append((self._line, words))
        return _Stop()
