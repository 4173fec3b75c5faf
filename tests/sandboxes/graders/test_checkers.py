from __future__ import annotations

import pytest

from envgym.sandboxes.graders.checkers import Checker, exact, lines, numbers, words


@pytest.mark.parametrize(
    ("check", "expected", "right", "wrong"),
    [
        (exact, "1 2\n", ["1 2\n"], ["1 2", "1  2\n", "1 2\n\n", " 1 2\n"]),
        (
            lines,
            "1 2\n3\n",
            ["1 2 \n3", "1 2\r\n3\n\n"],
            ["1  2\n3", " 1 2\n3", "1 2 3", "1 2\n\n3", "1\u00a02\n3"],
        ),
        (words, "1 2\n3\n", ["1\n2\n3", " 1  2 3 "], ["1 23", "1 2", "1 2 3 4", "", "1 2\u20033"]),
        (
            numbers(1e-6),
            "0.5 yes 10",
            ["0.50000001 yes 10", "5e-1 yes 10", ".5 yes\n10", "+0.5 yes 10"],
            ["0.51 yes 10", "0.5 Yes 10", "nan yes 10", "0.5 yes inf", "0.5 yes"],
        ),
        (
            numbers(1e-6),
            "0.5 yes 10",
            ["0.5 yes 10"],
            [f"0.5 yes {ten}" for ten in ("10.0", "1e1", "+10", "010", "1_0", "\u0661\u0660")],
        ),
        (
            numbers(1e-6),
            "nan " + "9" * 500,
            ["nan " + "9" * 500],
            ["1 " + "9" * 500, "nan inf", "nan " + "9" * 499 + "8"],
        ),
        (numbers(1e-6), "1000000007", ["1000000007"], ["1000000008", "1000000007.0", "1e9"]),
        (numbers(1e-6), "0101", ["0101"], ["101", "00101", "0101.0"]),
        (numbers(1e-6), "007.5", ["007.5"], ["7.5", "07.5", "007.50"]),
        (numbers(1e-6), "7.5", ["7.50", "75e-1"], ["07.5", "7,5", "7.5f", "0x7.8", "\u0667.5"]),
        (numbers(1e-6), "1e400", ["1e400"], ["1e401", "inf", "1" + "0" * 390]),
        (numbers(1e-6), "-0.0", ["0.0", "-0.0", "0"], ["1.0", "-", "nan"]),
        (numbers(1e-6), "1000000.0", ["1000000.5"], ["1000002.0", "1000000."[:-2]]),
        (
            numbers(1e-6, "lines"),
            "1 2\n3 0.5\n",
            ["1 2\n3 0.5", "1 2 \r\n3  0.5000001\n\n", "\n\n1 2\n 3 0.5"],
            ["1 2 3 0.5", "1\n2\n3\n0.5", "1 2\n\n3 0.5", "1 2\n3 0.6", "1 2"],
        ),
        (
            numbers(1e-6, "lines"),
            "  *\n ***\nx = 0.5",
            ["  *\n ***\nx = 0.5", "  * \n ***\t\nx = 0.50000001\n", "\n  *\n ***\nx = 0.5"],
            ["*\n***\nx = 0.5", "  *\n  ***\nx = 0.5", "  *\n ***\nx  = 0.5", " *\n ***\nx = 0.5"],
        ),
        (numbers(1e-6, "lines"), "", ["", "\n", " \n\n"], ["0", "."]),
    ],
)
def test_checkers(check: Checker, expected: str, right: list[str], wrong: list[str]) -> None:
    assert [text for text in right if not check("", expected, text)] == []
    assert [text for text in wrong if check("", expected, text)] == []
