"""A backend under test: opened once, on an event loop of its own, for all cases of both suites.

    subject = Subject("namespace")
    with subject:
        subject.conforms(case)
        subject.withstands(attack)

Cases are played one after the other, so that what is left behind is the last one's.
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
from envgym.sandboxes.suites.assertions import ended, must
from envgym.sandboxes.suites.attack_context import SMALL, Stage
from envgym.sandboxes.suites.attacks import Attack
from envgym.sandboxes.suites.conformance import BOX, Case
from envgym.sandboxes.suites.host_canaries import Host
from envgym.sandboxes.suites.proc_scan import Census

CASE_S = 60.0
"""Seconds after which a case hangs."""


class Subject:
    """A context manager; leaving it closes the backend and looks whether anything is left of it.

    Args:
        backend: Its name in `open_backend`.
        crowd: How many boxes at once are many for it.
        options: Of the backend.

    Raises:
        UsageError: On entering, where this machine cannot have the backend.
        Broken: On leaving, where something of the backend lives on.
    """

    def __init__(self, backend: str, *, crowd: int = 32, **options: Any) -> None:
        self.name = backend
        self.options = options
        self.crowd = crowd
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.host = stack.enter_context(Host())
            self._runner = stack.enter_context(asyncio.Runner())
            self._runner.get_loop()  # its descriptors are no leak of the backend
            self._before = Census.take()
            self.backend = self._runner.run(self._warm())
            self.base = Census.take()
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
        """The backend's name, or that of its weaker form; the backend is open."""
        mode = getattr(self.backend, "mode", "")
        return {"landlock": "landlock", "user": "namespace of a user"}.get(mode, self.name)

    def conforms(self, case: Case) -> None:
        """Play a case of the conformance suite."""
        self._runner.run(self._conforms(case))

    def withstands(self, attack: Attack) -> None:
        """Play an attack, and look whether the four invariants hold after it."""
        self._runner.run(self._withstands(attack))

    async def _conforms(self, case: Case) -> None:
        async with asyncio.timeout(CASE_S):
            if case in BOX:
                async with await self.backend.open() as box:
                    await case(box)
            else:
                await case(self.backend)

    async def _withstands(self, attack: Attack) -> None:
        stage = Stage(self, attack.limits, harmless=attack.harmless)
        async with asyncio.timeout(CASE_S), stage:
            await attack.act(stage)
            await stage.held()

    async def _warm(self) -> Backend:
        backend = open_backend(self.name, **self.options)
        run = partial(backend.run_python, "print(6 * 7)", limits=SMALL)
        try:
            ended(await run(), Outcome.OK, text="42\n")
            # What a pool keeps of a crowd is no leak: it is filled before anything is counted.
            for result in await asyncio.gather(*(run() for _ in range(self.crowd))):
                ended(result, Outcome.OK, text="42\n")
        except BaseException:  # this machine cannot have it: nothing of the attempt stays open
            await backend.close()
            raise
        return backend

    async def _gone(self) -> None:
        await self.backend.close()
        await self.backend.close()
        left: list[str] = []
        for _ in range(100):
            left = Census.take().beyond(self._before, slack=2)
            if not left:
                return
            await asyncio.sleep(0.05)
        must(False, f"a closed backend leaves behind: {'; '.join(left)}")
