"""The readers of mathematical answers: single forms, boxes, and texts of any kind."""

from __future__ import annotations

import random

import pytest

import envgym
from envgym import Action, Task
from envgym.environments.puzzles.math_answers.boxes import boxes, last_boxed
from envgym.environments.puzzles.math_answers.latex import cleaned
from envgym.environments.puzzles.math_answers.units import unit
from envgym.environments.puzzles.math_answers.verdict import at_once
from envgym.environments.puzzles.math_judge import judge
from envgym.environments.puzzles.math_shape import fault

EQUAL = [
    (r"-\frac{1}{2}", r"\frac{1}{-2}"),
    ("71/6", "11 5/6"),
    ("2220", "2{,}220"),
    ("1.5", "1{,}5"),
    (r"\frac{1}{3}", "0.(3)"),
    (r"\frac{3}{4}", r"{3 \over 4}"),
    ("-5", r"-5\,^\circ\text{C}"),
    ("1200000", "1.2 million"),
    (r"\frac{1}{2^{99}}", "2^{-99}"),
    (r"\begin{pmatrix}1\\2\\3\end{pmatrix}", "(1,2,3)"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix}1&2\\3&4.0\end{bmatrix}"),
    (r"\begin{cases}x=1\\y=2\end{cases}", "(1, 2)"),
    ("y=2x+3", "2x-y+3=0"),
    ("2x+3y=6", "12 = 4x+6y"),
    ("1, 1, 2", "1, 2, 1"),
    (r"1\pm\sqrt{2}", r"1-\sqrt2, 1+\sqrt2"),
    (r"18\text{ cm}", "180 mm"),
    (r"\text{10:30 AM}", "10:30 AM"),
    (r"(-\infty,2)\cup(2,\infty)", r"\mathbb{R}\setminus\{2\}"),
    ("[-2,2]", r"|x|\le 2"),
    (r"\emptyset", "no solution"),
    ("3+4i", "4i+3"),
    (r"\frac{1}{i}", "-i"),
    ("100,200", "200 and 100"),
    ("e^2", r"\exp(2)"),
    ("4.5e33", r"4.5 \times 10^{33}"),
    ("June 20", r"\text{June 20}"),
    ("5", r"\text{5 apples}"),
    ("xy", "yx"),
    (r"\frac{5}{36}", r"5/36 \approx 0.139"),
    ("-2, 3", r"x=3 \lor x=-2"),
    ("100", "100 J"),
    ("5", "a - b = 5"),
    (r"\$18", "18 dollars"),
]
UNEQUAL = [
    (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
    (r"\frac{2^{2005}+1}{3 \cdot 2^{2006}}", r"\frac{1}{3 \cdot 2^{2006}}"),
    ("100000.1234567", "100000.1234568"),
    ("1 1/4", "11/4"),
    (r"\frac{1}{23}", r"\frac{12}{3}"),
    (r"\sqrt{10^{40}+1}", "10^{20}"),
    (r"\cos(10^{-20})", "1"),
    ("2^{1000}+1", "2^{1000}"),
    (r"\sqrt{x^2}", "x"),
    ("x=2", "2x+3=7"),
    ("2.5", "2-1/2"),
    ("5", "5 dozen"),
    ("5", r"\sqrt{x} = 5"),
    ("5", "|x| = 5"),
    ("1, 1, 2", "1, 2, 2"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}"),
    (r"45^\circ", "45 radians"),
    (r"\$18", "18 cents"),
    ("0.5", "0.5%"),
    ("A", "a"),
    (r"x^2+1=0", "x^2+2=0"),
]
FRAGMENTS = (
    *(
        "\\boxed{",
        "{",
        "}",
        "(",
        ")",
        "[",
        "\\{",
        "\\frac",
        "\\frac{",
        "1",
        "1,",
        "1,234",
        ",",
        "x=",
    ),
    *("<", "\\le", "\\text{", "\\text{a}", "and ", "or ", "\\pm", "\\sqrt(", "√", "**", "$", "\\$"),
    *(
        "\\(",
        "\\",
        "\\\\",
        "^",
        "_",
        "²",
        "½",
        "-",
        "cm ",
        "/",
        "per ",
        "%",
        "°",
        ":",
        "|",
        "\\cup",
    ),
    *("\\mathbf{", "\\left", "the ", "answer: ", "\n", " ", "\u200b", "é", "\\overline{3}", "e5"),
    *("\\times 10^", "1 1/2 ", "\\begin{matrix}", "&", "\\fbox ", ".", "\\!", "\\,", "\\mathrm{d}"),
)


@pytest.mark.parametrize(("gold", "answer"), EQUAL)
def test_equal(gold: str, answer: str) -> None:
    assert judge({"gold": gold, "answer": answer}) == {"right": True, "read": True}


@pytest.mark.parametrize(("gold", "answer"), UNEQUAL)
def test_unequal(gold: str, answer: str) -> None:
    assert judge({"gold": gold, "answer": answer}) == {"right": False, "read": True}


def test_the_form_is_no_stricter_than_the_judge() -> None:
    for answer in ("45°", "1 1/4", r"\theta=5", "1.5e-3", "a+b=5", r"\frac{1}{-2}", "18 dollars"):
        assert fault(answer, "5", "What is 2+3?") is None
    assert fault("2x+1", "1+2x", "Is it 2x+1 or 2x+2?") is None
    assert fault(r"\frac{d}{2}", "0.5d", "?") is None
    assert fault("6x/3+x", "3x", "Simplify 6x/3 + x.") is not None
    assert fault("2+3", "5", "What is 2+3?") is not None


def test_units() -> None:
    assert unit(" km/h") == unit(r"\text{ kilometers per hour}")
    assert unit(" miles per hour") == unit(" mph")
    assert unit(r"\text{cm}^2") == unit(" square centimeters") == unit(" sq cm")
    assert unit("x") is None
    assert unit(" or more") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"So \boxed{2} and \boxed{3}.", ["2", "3"]),
        (r"\fbox{5}", ["5"]),
        (r"\boxed 5", ["5"]),
        (r"\boxed{\boxed{5}}", [r"\boxed{5}"]),
        (r"\boxed{\frac{1}{2}}", [r"\frac{1}{2}"]),
        (r"\boxed{\{1, 2\}}", [r"\{1, 2\}"]),
        (r"\boxed{1} and \boxed{2", ["1"]),
        (r"\boxed", []),
        (r"\boxedx{1}", []),
    ],
)
def test_boxes(text: str, found: list[str]) -> None:
    assert boxes(text) == found
    assert last_boxed(text) == (found[-1] if found else None)


@pytest.mark.parametrize(
    ("gold", "text", "score", "told"),
    [
        ("5", r"<think>Maybe \boxed{5}?</think> I cannot say.", 0.0, "tool"),
        ("5", r"<think>\boxed{4}</think> \boxed{5}", 1.0, "Right."),
        ("5", r"\boxed{4}, no, \boxed{5}", 1.0, "Of 2 boxes the last one is taken. Right."),
        ("5", r"\boxed{5}, no, \boxed{4}", 0.0, "Of 2 boxes the last one is taken. That"),
        ("2, 3", r"\boxed{3} and \boxed{2}", 1.0, "2 boxes are taken as one list. Right."),
        ("2, 3", r"\boxed{2}, then \boxed{2, 3}", 1.0, "the last one is taken. Right."),
        ("5", r"\boxed{5} Once more: \boxed{5}", 1.0, "Right."),
        ("5", r"It is \boxed{5", 0.0, "never closed"),
        ("5", "\\boxed{" + "5" * 2_000 + "}", 0.0, "longer than 1000 characters"),
    ],
)
async def test_boxes_of_a_message(gold: str, text: str, score: float, told: str) -> None:
    async with envgym.make("puzzles/math-v1", attempts=1) as env:
        task = Task({"question": "?"}, {"answer": gold, "steps": []})
        await env.reset(seed=0, options={"task": task})
        step = await env.step(Action(text))
        assert step.info["score"] == score
        assert told in step.observation.text


def test_no_text_raises_and_none_takes_long() -> None:
    """Repeated fragments: a message of 1 MB in `boxes`, an answer of the most characters beyond."""
    rng = random.Random(0)
    for fragment in FRAGMENTS:
        boxes(fragment * (1_000_000 // len(fragment)))
        text = (fragment * 1_000)[:1_000]
        for gold in ("5", "1, 2", text):
            at_once(gold, text)
        fault(text, "2x", text)
    for _ in range(400):
        text = "".join(rng.choices(FRAGMENTS, k=rng.randint(1, 20)))
        gold = "".join(rng.choices(FRAGMENTS, k=rng.randint(1, 5)))
        boxes(text)
        fault(text, gold, text)
        at_once(gold, text)
        assert cleaned(cleaned(text)) is not None
