"""Readers of what programs say: a megabyte of anything takes about a second, and raises nothing.

The bound is far above that, for a busy machine; what is quadratic takes minutes.
"""

from __future__ import annotations

import time

import pytest

from envgym.errors import UsageError
from envgym.sandboxes import Backend, Limits, Outcome, Result
from envgym.sandboxes.graders import CallCase, IoCase, grade_calls, grade_program
from envgym.sandboxes.graders.assert_rewriter import rewrite
from envgym.sandboxes.graders.checkers import Checker, exact, lines, numbers, words
from envgym.sandboxes.graders.compare import Equality, show
from envgym.sandboxes.graders.nonce_protocol import frame, frames
from envgym.sandboxes.graders.solution_proxy import _read
from envgym.sandboxes.graders.verdict import Status

SIZE = 1 << 20
LONGEST_S = 60.0
FRAGMENTS = [
    "(",
    "[",
    "[[],",
    '{"t":[',
    '"""',
    "'",
    "#",
    "\\",
    "\\\n",
    "def f():\n",
    "@a\n",
    " ",
    "\n",
    "\r\n\t",
    "1 ",
    "1.5 ",
    "0",
    ".",
    "1e9,",
    "-",
    "not ",
    "lambda:",
    "a.",
    "if 1:\n ",
    "\0",
    "\ud800",
    "\u0663 ",
]
CHECKERS: list[Checker] = [exact, lines, words, numbers(1e-6), numbers(1e-6, "lines")]


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_outputs_and_answers_are_read_in_linear_time(fragment: str) -> None:
    text = (fragment * SIZE)[:SIZE]
    began = time.monotonic()
    for check in CHECKERS:
        assert not check("", f"{text}a", f"{text}b")
        check("", "1.5\n2", text)
    for begin in ("", '{"value":', '{"value":"', '{"raised":'):
        _read(begin + text, 2 * SIZE)
    result = Result(Outcome.OK, 0, text.encode("utf-8", "replace"))
    assert frame(result, "ab" * 16) is None
    assert frames(result.stdout, "ab" * 16) == []
    assert len(show(text)) < 400
    assert Equality()({"s": [text]}, {"s": [text]})
    assert time.monotonic() - began < LONGEST_S


@pytest.mark.parametrize("fragment", [*FRAGMENTS, "assert 1\n"])
def test_tests_of_any_length_are_rewritten_or_refused(fragment: str) -> None:
    size = SIZE >> 4 if "assert" in fragment else SIZE >> 2
    text = (fragment * size)[:size]
    began = time.monotonic()
    for source in (text, f"assert 1\n{text}"):
        try:
            rewrite(source)
        except UsageError:
            continue
    assert time.monotonic() - began < LONGEST_S


def test_a_frame_is_found_in_any_noise() -> None:
    mark = "ab" * 16
    for noise in (mark, f"\n{mark}", f"{mark} ", "\n", "x", f" {mark} x\n"):
        output = f"{noise * 1000}\n{mark} first\n{noise * 1000}\n{mark} last\n{noise * 9}".encode()
        assert "first" in frames(output, mark)
        assert "last" in frames(output, mark)
    assert frame(Result(Outcome.OK, 0, f"{mark} a\n{mark} b".encode()), mark) == "b"
    assert frame(Result(Outcome.RE, 1, f"{mark} a".encode()), mark) is None


@pytest.mark.parametrize(
    "source", ["(" * SIZE, "-" * SIZE + "1", "@a\n" * 99_999, "x = " + "a." * 99_999 + "a"]
)
async def test_programs_of_any_length_have_a_verdict(backend: Backend, source: str) -> None:
    limits = Limits(wall_s=20.0, cpu_s=10.0)
    verdict = await grade_calls(backend, source, [CallCase("f", [], 1)], limits=limits)
    assert verdict.cases[0].status not in (Status.PASS, Status.UNRUN)
    verdict = await grade_program(backend, source, [IoCase("", "1")], limits=limits)
    assert verdict.cases[0].status not in (Status.PASS, Status.UNRUN)
