"""The readers of mathematical answers: single forms, boxes, and texts of any kind."""

from __future__ import annotations

import random

import pytest

import envgym
from envgym import Action, Task
from envgym.environments.puzzles.math.answers.boxes import boxes, last_boxed
from envgym.environments.puzzles.math.answers.latex import cleaned
from envgym.environments.puzzles.math.answers.units import unit
from envgym.environments.puzzles.math.answers.verdict import at_once
from envgym.environments.puzzles.math.judge import judge
from envgym.environments.puzzles.math.shape import fault

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
    ("4.5e33", r"4.5 \cdot 10^{33}\text{ erg/s}"),
    ("4.5e33", "4.5e33 erg/s"),
    ("101_2", r"101_{\text{two}}"),
    ("2A_{16}", "2A_{16}"),
    (r"(-\infty,1)\cup(2,\infty)", r"\mathbb{R}\setminus[1,2]"),
    ("x^{10}+1", "x^10+1"),
    ("2^{n+1}", "2^(n+1)"),
    ("(1,2),(3,4)", r"(x,y) \in \{(1,2),(3,4)\}"),
    ("5", r"5\,\mathrm{m\,s^{-1}}"),
    ("5", r"5 \Omega"),
    ("5", "5 J/(mol K)"),
    ("5", "5 μm"),
    ("5", r"5\,\frac{\mathrm{kg}}{\mathrm{m}^3}"),
    ("5", r"US\$5"),
    ("5", r"\$5 per hour"),
    ("5", "Final answer: **5**"),
    ("5", "**Final answer:** 5"),
    ("5", "#### 5"),
    ("5", "Therefore, the answer is 5."),
    ("0.5", "¹⁄₂"),
    ("0.75", "^3/_4"),
    ("2220", r"2\text{,}220"),
    ("2220", r"2\mathord{,}220"),
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
    ("4.5e33", "4.5e34 erg/s"),
    ("101_2", "101_3"),
    ("101_2", "5"),
    ("2AB_{16}", "2BA_{16}"),
    (r"(-\infty,1)\cup(1,2)\cup(2,\infty)", r"\mathbb{R}\setminus[1,2]"),
    (r"(-\infty,1)\cup(2,\infty)", r"\mathbb{R}\setminus(1,2)"),
    (r"\emptyset", r"\{\emptyset\}"),
    ("3", r"3 \approx 4"),
    (r"\sqrt{2}", r"\sqrt{2} \approx \sqrt{3}"),
    ("3", "3 four"),
    ("1, 2", "1, 2, ..."),
    ("5", "5..."),
    ("5", r"5\mu"),
    ("5", r"5 \frac{x}{y}"),
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


@pytest.mark.parametrize(
    ("gold", "answer", "problem", "refused"),
    [
        (r"\frac{2}{3}", "12/18", r"Simplify $\frac{12}{18}$.", True),
        (r"\frac{2}{3}", "2/3", r"Simplify $\frac{12}{18}$.", False),
        (r"\frac{7}{9}", r"0.\overline{7}", r"Write $0.\overline{7}$ as a fraction.", True),
        ("0.15", "3/20", r"Write $\frac{3}{20}$ as a decimal.", True),
        (r"1.2\times 10^7", "12,000,000", "Write 12,000,000 in scientific notation.", True),
        (r"3000\text{ m}", "3 km", "Convert 3 km to metres.", True),
        (r"3000\text{ m}", "3000 m", "Convert 3 km to metres.", False),
        ("0.5", "1/2", "She eats 1/2 of a cake of 1 kg. How many kg?", False),
        ("1024", "2^{10}", "What is 2^{10}?", True),
        ("1024", "2^{10}", "What is 2 to the power of 10?", True),
        ("125", "5^3", "What is the cube of 5?", True),
        ("1024", "2^{10}", "How many subsets does a set of 10 elements have?", False),
        ("1024", "2 \\cdot 512", "How many subsets does a set of 10 elements have?", True),
    ],
)
def test_a_number_of_the_problem_is_no_answer(
    gold: str, answer: str, problem: str, refused: bool
) -> None:
    assert (fault(answer, gold, problem) is not None) is refused


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
