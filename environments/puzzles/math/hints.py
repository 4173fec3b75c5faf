"""Hints for a mathematics problem: steps of its solution, the flaw of an answer, the answer's form.

The answer itself is blanked out of the steps. A step is shown for what leads to the answer, so of
three or more the last one is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from envgym.environments.attempts import calls, turns
from envgym.environments.graded_hints import OPEN, call_text, counted, graded, shares
from envgym.environments.puzzles.answer_env import without_golds
from envgym.environments.puzzles.math.answers.boxes import MAX_CHARS, boxes, opens
from envgym.environments.puzzles.math.answers.latex import cleaned
from envgym.environments.puzzles.math.answers.nodes import Formula, Group, Node, Words
from envgym.environments.puzzles.math.answers.structure import read
from envgym.environments.puzzles.math.shape import fault
from envgym.task import Task
from envgym.trajectory import Episode

_TERM = re.compile(r"[+-]?[^+-]+")
_PAIRS = {"()", "[]", "[)", "(]", "row", "column"}


def hints(task: Task, attempt: Episode | None) -> Sequence[str]:
    """First step, flaw of the last answer, more steps, form and beginning of the answer."""
    answer = task.hidden["answer"]
    blank = re.compile(rf"(?<![\w.]){re.escape(answer)}(?!\w|\.\d)", re.IGNORECASE)
    steps = [blank.sub(OPEN, step) for step in task.hidden["steps"]]
    counts = [2] if len(steps) == 2 else shares(len(steps), 0.5, 1.0)
    cues = [" ".join(steps[:count]) for count in counts if count > 1]
    cues.append(f"the answer is {_kind(read(cleaned(answer)))}.")
    if begun := answer[: len(answer) // 2].rstrip():
        cues.append(f"{call_text('answer', text=begun + OPEN)} begins right.")
    given = last_answer(attempt)
    flaw = "" if given is None else _flaw(given, answer, task.data["question"])
    return without_golds(graded(task, attempt, steps[0] if steps else "", flaw, cues), [answer])


def last_answer(attempt: Episode | None) -> str | None:
    """Last answer of an attempt, by call or in a box; None without a readable one."""
    given = [(call.turn, call.text("text")) for call in calls(attempt, "answer")]
    for index, turn in enumerate(turns(attempt)):
        text = turn.taken.content if turn.taken is not None else ""
        if turn.taken is not None and not turn.taken.tool_calls and len(text) <= MAX_CHARS:
            given += [(index, box) for box in boxes(text)] if opens(text) else []
    readable = [(turn, text) for turn, text in given if text.strip() and len(text) <= MAX_CHARS]
    return max(readable, key=lambda one: one[0])[1] if readable else None


def _flaw(text: str, answer: str, question: str) -> str:
    """The first thing that is wrong with an answer: its form, its kind, its parts, its value."""
    if wrong := fault(text, answer, question):
        return f"your last answer has the wrong form: {wrong}"
    given, wanted = read(cleaned(text)), read(cleaned(answer))
    if isinstance(given, Formula) and isinstance(wanted, Formula):
        return _value_flaw(given, wanted)
    if isinstance(given, Group) and isinstance(wanted, Group):
        if len(given.items) != len(wanted.items):
            return (
                f"your last answer has {counted(len(given.items), 'part')}, the right one "
                f"{len(wanted.items)}."
            )
        right = sum(item in wanted.items for item in given.items)
        return f"of the {len(given.items)} parts of your last answer {right} are right."
    if type(given) is not type(wanted):
        return f"your last answer is {_kind(given)}, and {_kind(wanted)} is asked for."
    return "your last answer has the right form, and not the right value."


def _value_flaw(given: Formula, wanted: Formula) -> str:
    if given.number is not None and wanted.number is not None:
        if given.number == -wanted.number:
            return "the sign of your last answer is wrong."
        return f"your last answer is too {'large' if given.number > wanted.number else 'small'}."
    if given.number is not None or wanted.number is not None:
        return f"your last answer is {_kind(given)}, and {_kind(wanted)} is asked for."
    terms, right = set(_terms(given.text)), set(_terms(wanted.text))
    return (
        f"your last answer has {len(terms)} terms, of which {len(terms & right)} are right; "
        f"{len(right)} are asked for."
    )


def _terms(formula: str) -> Iterator[str]:
    """Terms of a sum with their signs, without spaces."""
    for term in _TERM.findall("".join(formula.split())):
        yield term.removeprefix("+")


def _kind(node: Node) -> str:
    """Kind of an answer in words."""
    if isinstance(node, Formula) and node.number is not None:
        if node.number.denominator == 1:
            digits = len(str(abs(node.number.numerator)))
            return f"a whole number of {counted(digits, 'digit')}"
        return "a fraction or a decimal"
    if isinstance(node, Group):
        what = "a tuple" if node.brackets in _PAIRS else "a list"
        return f"{what} of {len(node.items)}"
    if isinstance(node, Words):
        return "a word"
    return "a formula" if isinstance(node, Formula) else "an equation or a set"
