"""Every backend that this machine has, under both suites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from envgym.errors import Fault, UsageError
from envgym.sandboxes.suites.attacks import ATTACKS, Attack
from envgym.sandboxes.suites.backend_under_test import BackendUnderTest
from envgym.sandboxes.suites.conformance import CASES, Case
from envgym.sandboxes.suites.known_gaps import known_gaps
from tests.machine import need

CONFINING: dict[str, dict[str, Any]] = {
    "namespace": {"backend": "namespace", "crowd": 64},
    "landlock": {"backend": "namespace", "mode": "landlock"},
    "docker": {"backend": "docker", "crowd": 8},
}
MAY_BE_ABSENT = {"landlock"}  # as root it needs a Python that other users may start
BACKENDS = {"unsafe": {"backend": "unsafe", "crowd": 8}, **CONFINING}


@pytest.fixture(scope="module")
def under_test(request: pytest.FixtureRequest) -> Iterator[BackendUnderTest]:
    """A backend, or a skip that names it; a failure where ENVGYM_REQUIRE_ALL=1."""
    under_test = BackendUnderTest(**BACKENDS[request.param])
    try:
        under_test.__enter__()
    except (UsageError, Fault, ImportError) as error:
        if request.param in MAY_BE_ABSENT:
            pytest.skip(f"{request.param}: {error}")
        need(False, f"{request.param}: {error}")
    yield under_test
    under_test.__exit__(None, None, None)


@pytest.mark.parametrize("under_test", BACKENDS, indirect=True)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_conformance(under_test: BackendUnderTest, case: Case) -> None:
    _plays(under_test, case.__name__, lambda: under_test.conforms(case))


@pytest.mark.parametrize("under_test", CONFINING, indirect=True)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
def test_attack(under_test: BackendUnderTest, attack: Attack) -> None:
    _plays(under_test, attack.id, lambda: under_test.withstands(attack))


def _plays(under_test: BackendUnderTest, name: str, play: Any) -> None:
    """A case passes, or fails as it is known to: one that is fixed is taken off the list."""
    reason = known_gaps(under_test.variant).get(name)
    if reason is None:
        play()
        return
    with pytest.raises(AssertionError):
        play()
    pytest.xfail(reason)
