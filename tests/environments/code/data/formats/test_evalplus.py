"""EvalPlus' rows: inputs in the types that MBPP's functions take, and long numbers in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from envgym.environments.code.data.formats.evalplus import converted
from envgym.environments.code.data.formats.long_integers import expression, shortened
from envgym.environments.code.data.formats.row import BadRow
from tests.environments.code.conftest import scored


@pytest.mark.parametrize(
    ("number", "args", "want"),
    [
        (2, [[3, 4], [4, 5]], [(3, 4), (4, 5)]),
        (63, [[[1, 2], [3, 4]]], [[(1, 2), (3, 4)]]),
        (75, [[[1, 2]], 3], [[(1, 2)], 3]),
        (106, [[1], [2]], [[1], (2,)]),
        (115, [[[1], []]], [[{1}, {}]]),
        (124, ["1", "2j"], [1.0, 2j]),
        (252, ["1j"], [1j]),
        (259, [[[1], [2]]], [((1,), (2,))]),
        (278, [[1, [2]]], [(1, (2,))]),
        (307, [[1], 2, 3], [(1,), 2, 3]),
        (615, [[[1, [2]]]], [((1, (2,)),)]),
        (722, [{"a": [1, 2]}, 3], [{"a": (1, 2)}, 3]),
        (3, [[1]], [[1]]),
    ],
)
def test_inputs_have_the_types_of_their_problem(number: int, args: Any, want: Any) -> None:
    assert converted(f"Mbpp/{number}", args) == want
    assert converted(f"HumanEval/{number}", args) == args
    assert eval(expression(want)) == want


def test_inputs_of_another_form_are_named() -> None:
    with pytest.raises(BadRow, match="not of the form of Mbpp/722"):
        converted("Mbpp/722", [[1]])


@pytest.mark.usefixtures("boxes")
async def test_a_row_whose_function_takes_tuples(tmp_path: Path) -> None:
    solution = "def kept(row):\n    return len({row})\n"
    row = {
        "task_id": "Mbpp/429",
        "prompt": '"""\nassert kept((1, 2)) == 1\n"""\n',
        "entry_point": "kept",
        "canonical_solution": f"\n{solution}",
        "base_input": [[[1, 2]]],
        "plus_input": f"[[[1{'0' * 5000}]]]",
        "atol": 0,
    }
    wrong = "def kept(row):\n    return len(row)\n"
    assert await scored(tmp_path, row, solution, wrong) == [1.0, 0.0]


def test_long_literals_are_shortened_where_they_are_numbers() -> None:
    long = "7" * 5000
    source = f"x = ({long}, 1)\ny = '''\n{long}'''  # {long}\nz = -{long}\n"
    space: dict[str, Any] = {}
    exec(shortened(source), space)  # of this file
    assert space["x"] == (int(f"{space['x'][0]:#x}", 16), 1)
    assert space["x"][0] % 10**9 == 777777777
    assert space["y"] == f"\n{long}"
    assert space["z"] == -space["x"][0]
    assert shortened("x = (") == "x = ("
    assert shortened(f"x = ({long}") == f"x = ({long}"
