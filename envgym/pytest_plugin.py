"""Pytest plugin that runs the checker: one line in an environment's own test file.

    from envgym.pytest_plugin import envgym_checks

    test_contract = envgym_checks("mine/guess-v1", size=5)

Each check becomes a test of its own, ``test_contract[oracle_scores_one]``, that fails with what was
seen and what fixes it. pytest loads this module by its entry point in every session, so it imports
nothing heavy; the checker is loaded by the first call of `envgym_checks`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from envgym.checker import Examination, Finding
    from envgym.env import Env


def envgym_checks(
    env: str | Callable[..., Env[Any]], *, episodes: int = 4, company: int = 1000, **kwargs: Any
) -> Callable[..., None]:
    """Make a test function that runs each check; give it a name that begins with ``test``.

    Args:
        env: A registered id, ``module:Class``, or a factory (say, the class).
        episodes: Number of tasks per split, and of seeds, that each check uses.
        company: Number of live instances of other seeds in the isolation check.
        kwargs: Arguments of the environment's constructor.
    """
    from envgym.checker import CHECKS, Examination
    from envgym.registry import make

    def make_one() -> Env[Any]:
        return make(env, **kwargs) if isinstance(env, str) else env(**kwargs)

    def examine() -> Examination:
        return Examination(make_one, episodes=episodes, company=company)

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test(check: Any, envgym_examinations: Examinations) -> None:
        findings = envgym_examinations.findings(examine, check)
        if base := next((f.rests_on for f in findings if f.rests_on), ""):
            pytest.skip(f"it rests on {base}, which fails")
        if failed := [finding for finding in findings if not finding.ok]:
            pytest.fail(_told(failed), pytrace=False)

    test.__doc__ = f"The contract of envgym, for {env if isinstance(env, str) else env.__name__}."
    return test


class Examinations:
    """The examinations of one test module, on one shared event loop."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._open: dict[Callable[[], Examination], Examination] = {}

    def findings(self, examine: Callable[[], Examination], check: Any) -> list[Finding]:
        """Run a check and return its findings; the first call makes the examination."""
        return self._runner.run(self._findings(examine, check))

    def close(self) -> None:
        """Close the examinations and the event loop."""
        with self._runner:
            self._runner.run(self._close())

    async def _findings(self, examine: Callable[[], Examination], check: Any) -> list[Finding]:
        if examine not in self._open:
            self._open[examine] = await examine().__aenter__()
        return await self._open[examine].findings(check)

    async def _close(self) -> None:
        for examination in self._open.values():
            await examination.__aexit__(None, None, None)


@pytest.fixture(scope="module")
def envgym_examinations() -> Iterator[Examinations]:
    """Module-scoped fixture: an environment's shared resources are opened once for all checks."""
    examinations = Examinations()
    yield examinations
    examinations.close()


def _told(failed: list[Finding]) -> str:
    """The check, and under it what was seen, with each fix once."""
    lines = [f"{failed[0].check}:"]
    for number, finding in enumerate(failed):
        lines.append(f"  {finding.message}")
        if number + 1 == len(failed) or failed[number + 1].fix != finding.fix:
            lines.append(f"    fix: {finding.fix}")
    return "\n".join(lines)
