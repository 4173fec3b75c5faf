"""Backend under test: opened once, on its own event loop, for all cases of both suites.

    under_test = BackendUnderTest("namespace")
    with under_test:
        under_test.conforms(case)
        under_test.withstands(attack)

Cases run one after the other, so that leftovers belong to the last one.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any, Self

from envgym.sandboxes.backends.registry import open_backend
from envgym.sandboxes.base import Backend
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import require, require_outcome
from envgym.sandboxes.suites.attack_context import SMALL, AttackContext
from envgym.sandboxes.suites.attacks import Attack
from envgym.sandboxes.suites.conformance import BOX, Case
from envgym.sandboxes.suites.host_canaries import HostCanaries
from envgym.sandboxes.suites.proc_scan import ResourceUsage

CASE_S = 60.0
"""Seconds after which a case counts as hanging."""


class BackendUnderTest:
    """Context manager; on exit it closes the backend and checks for leftovers.

    Args:
        backend: Its name in `open_backend`.
        crowd: Number of concurrent sandboxes that is high for it.
        options: Options of the backend.

    Raises:
        UsageError: On entering, where this machine cannot run the backend.
        CaseFailed: On leaving, where something of the backend lives on.
    """

    def __init__(self, backend: str, *, crowd: int = 32, **options: Any) -> None:
        self.name = backend
        self.options = options
        self.crowd = crowd
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.host = stack.enter_context(HostCanaries())
            self._runner = stack.enter_context(asyncio.Runner())
            self._runner.get_loop()  # its descriptors are no leak of the backend
            self._before = ResourceUsage.measure()
            self.backend = self._runner.run(self._warm())
            self.base = ResourceUsage.measure()
            stack.callback(lambda: self._runner.run(self._gone()))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def variant(self) -> str:
        """Name of the open backend, or of its weaker form."""
        mode = getattr(self.backend, "mode", "")
        return {"landlock": "landlock", "user": "namespace of a user"}.get(mode, self.name)

    def conforms(self, case: Case) -> None:
        """Run a case of the conformance suite."""
        self._runner.run(self._conforms(case))

    def withstands(self, attack: Attack) -> None:
        """Run an attack, and check the four invariants after it."""
        self._runner.run(self._withstands(attack))

    async def _conforms(self, case: Case) -> None:
        async with asyncio.timeout(CASE_S):
            if case in BOX:
                async with await self.backend.open() as box:
                    await case(box)
            else:
                await case(self.backend)

    async def _withstands(self, attack: Attack) -> None:
        context = AttackContext(self, attack.limits, harmless=attack.harmless)
        async with asyncio.timeout(CASE_S), context:
            await attack.act(context)
            await context.check_invariants()

    async def _warm(self) -> Backend:
        backend = open_backend(self.name, **self.options)
        run = partial(backend.run_python, "print(6 * 7)", limits=SMALL)
        try:
            require_outcome(await run(), Outcome.OK, text="42\n")
            # What a pool keeps of a crowd is no leak: it is filled before anything is counted.
            for result in await asyncio.gather(*(run() for _ in range(self.crowd))):
                require_outcome(result, Outcome.OK, text="42\n")
        except BaseException:  # this machine cannot have it: nothing of the attempt stays open
            await backend.close()
            raise
        return backend

    async def _gone(self) -> None:
        await self.backend.close()
        await self.backend.close()
        left: list[str] = []
        for _ in range(100):
            left = ResourceUsage.measure().growth_since(self._before, slack=2)
            if not left:
                return
            await asyncio.sleep(0.05)
        require(False, f"a closed backend leaves behind: {'; '.join(left)}")
