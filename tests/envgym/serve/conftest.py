"""One server for the tests that leave it as it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.envgym.serve.running import Running

ODD = "tests.envgym.serve.odd_world:Odd"


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    served = Running(
        ODD,
        "tests.envgym.serve.odd_world:NoOracle",
        "tests.envgym.worlds:Guess",
        "search/wiki-v1",
    )
    yield served
    served.stop()
