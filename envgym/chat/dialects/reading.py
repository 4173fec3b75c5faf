"""Structured parsing of calls in a model's text, shared by all dialects.

Every dialect follows one rule: a text is parsed from its start, and the mark that opens first
encloses the text after it. A reasoning mark inside a complete call is part of that call; a call
inside a reasoning block is reasoning, and is not run. A tag between quotes or backticks is only
mentioned. A tag without a call behind it also counts as mentioned where the message calls a tool
elsewhere; otherwise it gets an error as its answer, so that no call is dropped silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from envgym.chat.dialects.calls import call_of, unreadable, unwrapped
from envgym.messages import ToolCall
from envgym.parsing.near_json import BrokenJson, read_json_at, skip_space
from envgym.parsing.reasoning import MARK, is_mentioned, reasoning_spans
from envgym.tools import ToolSpec

CALL, BARE, DOUBTFUL = range(3)
"""Certainty that a piece of text is a call: by its marks, by its shape alone, or doubtful."""
_LEAST_BUDGET, _COST_OF_FAILURE = 100_000, 500  # characters looked at in vain
_HOLDERS = frozenset({"arguments", "parameters"})


class Found(NamedTuple):
    """Parse result at one opening mark.

    Attributes:
        calls: Their ids are what the model gave, or empty.
        end: Position to continue from: after a complete call, else after its tag.
        sureness: Certainty: `CALL`, `BARE` or `DOUBTFUL`; only the surest of a message count.
    """

    calls: Sequence[ToolCall]
    end: int
    sureness: int = CALL


class Source:
    """A message being parsed; it caches repeated searches, so that parsing stays linear."""

    def __init__(self, text: str, tools: Sequence[ToolSpec]) -> None:
        self.text = text
        self.tools: Mapping[str, ToolSpec] = {t.name: t for t in tools}
        self._nearest: dict[str | re.Pattern[str], tuple[int, re.Match[str] | None]] = {}
        self._budget = max(2 * len(text), _LEAST_BUDGET)

    def search(self, pattern: re.Pattern[str], start: int) -> re.Match[str] | None:
        """First match from `start` on."""
        since, found = self._nearest.get(pattern, (len(self.text) + 1, None))
        if since > start or (found is not None and found.start() < start):
            found = pattern.search(self.text, start)
            self._nearest[pattern] = (start, found)
        return found

    def find(self, mark: str, start: int) -> int:
        """First position of `mark` from `start` on, or -1."""
        found = self.search(_literal(mark), start)
        return found.start() if found else -1

    def at(self, mark: str, position: int) -> bool:
        """Test for `mark` at a position."""
        return self.text.startswith(mark, position)

    def skip_space(self, position: int) -> int:
        """First position from `position` on that holds no white space."""
        return skip_space(self.text, position)

    def is_call(self, value: Any) -> bool:
        """Test that a bare object can be meant as a call: data may have a name as well."""
        inner = unwrapped(value)
        return isinstance(inner, dict) and (
            inner.get("name") in self.tools or not _HOLDERS.isdisjoint(inner)
        )

    def json(self, start: int) -> tuple[Any, int]:
        """Decode the JSON value at `start`; return it and its end.

        Raises:
            BrokenJson: It cannot be read, or too much of the message could not be.
        """
        if self._budget < 0:
            raise BrokenJson(self.text, start, start, "too much could not be read")
        try:
            return read_json_at(self.text, start)
        except BrokenJson as error:
            self._budget -= error.looked_to - start + _COST_OF_FAILURE
            raise


Reader = Callable[[Source, re.Match[str]], Found | None]


def read_calls(
    text: str, tools: Sequence[ToolSpec], opener: str, read: Reader
) -> tuple[ToolCall, ...]:
    """Parse the calls of a message; a call without an id of its own has an empty one.

    Args:
        opener: Regular expression of the opening mark of a call (``^`` is a line's beginning).
        read: Parses the call at an opener; None where it is no call at all.
    """
    source = Source(text, tools)
    found: list[tuple[int, Found]] = []

    def enclosed(beginning: re.Match[str]) -> int:
        start, after = beginning.span()
        if is_mentioned(text, start, after):
            return after
        here = read(source, beginning)
        if here is None:
            return after
        if _shown_as_code(text, start, here.end):
            return here.end
        found.append((start, here))
        return here.end

    thoughts = reasoning_spans(text, _pattern(opener), enclosed)
    said = list(_outside(found, thoughts))
    surest = min((one.sureness for one in said), default=CALL)
    return tuple(call for one in said if one.sureness == surest for call in one.calls)


def json_call(
    source: Source,
    name: str,
    beginning: re.Match[str],
    start: int,
    tail: re.Pattern[str],
    mark: str,
    call_id: str = "",
) -> Found:
    """Read a call whose tool was named before its arguments, which are JSON.

    Args:
        beginning: Match of the call's opener; reading goes on behind it where the call is broken.
        start: Index at which the arguments begin.
        tail: What may follow them; a call without it is broken.
        mark: End mark of a call, as an error names it.
    """
    try:
        arguments, end = source.json(start)
    except BrokenJson as error:
        return Found([unreadable(f"its JSON is broken ({error})", name)], beginning.end())
    ended = tail.match(source.text, end)
    if ended is None:
        return Found([unreadable(f"it has no {mark}", name)], beginning.end())
    call = call_of({"name": name, "arguments": arguments}, source.tools)
    return Found([replace(call, id=call_id) if call_id else call], ended.end())


def numbered(calls: Sequence[ToolCall], name_id: Callable[[str, str], str]) -> tuple[ToolCall, ...]:
    """Give the calls unique ids.

    Args:
        name_id: The id of a call, from its place and its tool's name.
    """
    taken: set[str] = set()
    named: list[ToolCall] = []
    for index, call in enumerate(calls):
        call_id, place = call.id, index
        while not call_id or call_id in taken:
            call_id, place = name_id(str(place), call.name), place + len(calls)
        taken.add(call_id)
        named.append(replace(call, id=call_id))
    return tuple(named)


def _shown_as_code(text: str, start: int, end: int) -> bool:
    """Test that a call stands between single backticks."""
    return text[start - 1 : start] == "`" == text[end : end + 1] != text[start - 2 : start - 1]


def _outside(
    found: Iterable[tuple[int, Found]], spans: Sequence[tuple[int, int]]
) -> Iterable[Found]:
    """Matches that begin in none of the spans; both are in order."""
    index = 0
    for start, one in found:
        while index < len(spans) and spans[index][1] <= start:
            index += 1
        if index == len(spans) or start < spans[index][0]:
            yield one


@cache
def _pattern(opener: str) -> re.Pattern[str]:
    return re.compile(f"(?P<thought>{MARK})|(?P<call>{opener})", re.M)


@cache
def _literal(mark: str) -> re.Pattern[str]:
    return re.compile(re.escape(mark))
