"""Names that tests use and nothing defines are found, and no others."""

from __future__ import annotations

import pytest

from envgym.environments.code.data.formats.undefined_names import undefined


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def check(c):\n    assert abs(c(1) - 2) < eps\n", ["eps"]),
        ("assert np.array(f(1)) == math.pi\n", ["np", "math"]),
        ("import math\nassert f(1) == math.pi\n", []),
        ("from math import *\nassert f(1) == pi + tau + phi\n", ["phi"]),
        ("from elsewhere import *\nassert f(1) == pi\n", []),
        ("def g():\n    global x\n    x = 1\nassert f(x)\n", []),
        ("class A:\n    y = 1\n    z = [y, w]\nassert f(A.z)\n", ["w"]),
        ("for i, (a, b) in enumerate(f(1)):\n    assert [a for c in b if c == d]\n", ["d"]),
        ("try:\n    f(1)\nexcept ValueError as e:\n    assert str(e) and __name__\n", []),
        ("if (n := f(1)):\n    assert n\n", []),
        ("print 1", []),
    ],
)
def test_names(source: str, found: list[str]) -> None:
    assert undefined(source, ["f"]) == found
