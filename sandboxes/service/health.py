"""Health of the service: a program runs, not merely an answer."""

from __future__ import annotations

import asyncio
import logging
import time

from envgym.errors import EnvgymError
from envgym.sandboxes.base import Backend

_log = logging.getLogger(__name__)
_KEEP_S = 2.0
_PATIENCE_S = 5.0


class Health:
    """Run a job in a sandbox beside the pool's, because a full pool is busy, not broken.

    Args:
        backend: Backend of the pool.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._turn = asyncio.Lock()
        self._said = ""
        self._when = -_KEEP_S

    async def check(self) -> str:
        """Return the problem, or "". Concurrent and frequent checks share one job."""
        async with self._turn:
            if time.monotonic() - self._when >= _KEEP_S:
                self._said = await self._job()
                self._when = time.monotonic()
            return self._said

    async def _job(self) -> str:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                result = await self._backend.run_python("print(6 * 7)")
        except TimeoutError:
            said = f"a job did not end within {_PATIENCE_S:g} s"
        except EnvgymError as error:
            said = str(error)
        else:
            said = "" if result.text == "42\n" else f"a job ended with {result.outcome}"
        if said:
            _log.error("health: %s", said)
        return said
