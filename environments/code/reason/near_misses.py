"""Almost right answers that are wrong by construction, for testing a judge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envgym.environments.code.reason.exercise import Answer, Kind
from envgym.sandboxes.graders import Equality
from envgym.sandboxes.graders.compare import show
from envgym.sandboxes.graders.harness.plain_values import decode, encode

_SHOWN = 10_000
_PROGRAM = """{program}

_right = f

def f(*args, **kwargs):
    return [_right(*args, **kwargs)]
"""


def wrong_answers(kind: Kind, answer: Answer) -> Iterator[str]:
    """Wrong answers to an exercise of a kind."""
    yield ""
    first = answer.pairs[0]
    if kind == "deduction":
        for value in _near(decode(first.output)):
            yield show(encode(value), _SHOWN)
    elif kind == "abduction":
        yield f"{first.arguments.text()}) or (True"
        for pair in answer.pairs[1:]:
            if not Equality()(pair.output, first.output):
                yield pair.arguments.text()
                return
    else:
        yield _PROGRAM.format(program=answer.program)
        if any(pair.output is not None for pair in answer.pairs):
            yield "def f(*args, **kwargs):\n    return None"


def _near(value: Any) -> Iterator[Any]:
    """Values of other types, or one step away."""
    yield [value]
    yield repr(value)
    if isinstance(value, bool):
        yield int(value)
        yield not value
    elif isinstance(value, int):
        yield value + 1
        yield float(value) if abs(value) < 1 << 53 else -value
    elif isinstance(value, str):
        yield f"{value} "
    elif isinstance(value, list | tuple):
        yield tuple(value) if isinstance(value, list) else list(value)
        yield type(value)([*value, 0])
