"""Every backend that this machine has, under both suites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from envgym.errors import Fault, UsageError
from envgym.sandboxes.suites.attacks import ATTACKS, Attack
from envgym.sandboxes.suites.backend_under_test import Subject
from envgym.sandboxes.suites.conformance import CASES, Case
from envgym.sandboxes.suites.known_gaps import known
from tests.machine import need

CONFINING: dict[str, dict[str, Any]] = {
    "namespace": {"backend": "namespace", "crowd": 64},
    "landlock": {"backend": "namespace", "mode": "landlock"},
    "docker": {"backend": "docker", "crowd": 8},
}
MAY_BE_ABSENT = {"landlock"}  # as root it needs a Python that other users may start
BACKENDS = {"unsafe": {"backend": "unsafe", "crowd": 8}, **CONFINING}


@pytest.fixture(scope="module")
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """A backend, or a skip that names it; a failure where ENVGYM_REQUIRE_ALL=1."""
    subject = Subject(**BACKENDS[request.param])
    try:
        subject.__enter__()
    except (UsageError, Fault, ImportError) as error:
        if request.param in MAY_BE_ABSENT:
            pytest.skip(f"{request.param}: {error}")
        need(False, f"{request.param}: {error}")
    yield subject
    subject.__exit__(None, None, None)


@pytest.mark.parametrize("subject", BACKENDS, indirect=True)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_conformance(subject: Subject, case: Case) -> None:
    _plays(subject, case.__name__, lambda: subject.conforms(case))


@pytest.mark.parametrize("subject", CONFINING, indirect=True)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
def test_attack(subject: Subject, attack: Attack) -> None:
    _plays(subject, attack.id, lambda: subject.withstands(attack))


def _plays(subject: Subject, name: str, play: Any) -> None:
    """A case passes, or fails as it is known to: one that is mended is taken off the list."""
    reason = known(subject.variant).get(name)
    if reason is None:
        play()
        return
    with pytest.raises(AssertionError):
        play()
    pytest.xfail(reason)
