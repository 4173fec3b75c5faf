from __future__ import annotations

import pytest

from envgym.sandboxes.graders.repository.mutated_tests import mutate_tests


def holds(source: str) -> bool:
    """Whether a test function of this body passes."""
    space: dict[str, object] = {}
    exec(source, space)
    try:
        space["test"]()  # type: ignore[operator]
    except Exception:
        return False
    return True


@pytest.mark.parametrize(
    "claim",
    [
        "assert 2 + 2 == 4",
        "assert 4 == 2 + 2",
        "assert str(1) == '1'",
        "assert [*range(2)] == [0, 1]",
        "assert (1, 2)[:1] == (1,)",
        "assert {*'a'} == {'a'}",
        "assert dict(a=1) == {'a': 1}",
        "assert (1 > 2) == False",
        "assert print() == None",
        "assert bytes(1) == b'\\0'",
        "assert 10**6 == 1000000",
        "assert -1 + 0 == -1",
        "assert 0.5 + 0.5 == 1.0",
        "assert abs(0.1 + 0.2 - 0.3) < 1e-9",
        "import math\n    assert math.isclose(0.1 + 0.2, 0.3)",
        "import pytest\n    assert 0.1 + 0.2 == pytest.approx(0.3)",
        "import unittest\n    unittest.TestCase().assertEqual(2 + 2, 4)",
        "import unittest\n    unittest.TestCase().assertAlmostEqual(0.1 + 0.2, 0.3)",
        "assert len('ab') < 3",
        "assert True",
        "pass",
        "if 1:\n        return",
        "for i in range(0):\n        assert i",
        "x = 3\n    assert x == 3\n    x = 4",
    ],
)
def test_no_test_holds_in_its_decoy(claim: str) -> None:
    source = f"def test():\n    {claim}\n"
    assert holds(source)
    made = mutate_tests(source.encode())
    assert made is not None
    assert made[1] == {"test"}
    assert not holds(made[0].decode())


def test_what_equals_everything_passes_a_decoy() -> None:
    source = "class Equal:\n    __eq__ = lambda *a: True\n\ndef test():\n    assert Equal() == 4\n"
    made = mutate_tests(source.encode())
    assert made is not None
    assert holds(made[0].decode())


def test_a_file_that_does_not_parse_has_none() -> None:
    assert mutate_tests(b"def test(:") is None
    assert mutate_tests(b"x = 1") == (b"x = 1", frozenset())
