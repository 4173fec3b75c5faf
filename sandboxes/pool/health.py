"""Health checks of a warm sandbox: it answers, and it still runs programs."""

from __future__ import annotations

import asyncio
import logging

from envgym.errors import EnvgymError, Fault, UsageError
from envgym.sandboxes.base import BoxLost, Sandbox

_log = logging.getLogger(__name__)
_PULSE_S = 2.0


async def answers(box: Sandbox) -> bool:
    """Return whether the sandbox's supervisor answers; a missing file is an answer too."""
    try:
        async with asyncio.timeout(_PULSE_S):
            await box.read(".envgym-pulse")
    except (BoxLost, Fault, TimeoutError):
        return False
    except UsageError:
        return True
    return True


async def works(box: Sandbox) -> bool:
    """Return whether the sandbox runs a program."""
    try:
        async with asyncio.timeout(_PULSE_S):
            return (await box.python("print(6 * 7)")).text == "42\n"
    except (EnvgymError, TimeoutError):
        return False


async def gone(box: Sandbox) -> None:
    """Close a sandbox; on failure the backend cleans up at its own close."""
    try:
        await box.close()
    except Exception as error:
        _log.warning("closing a sandbox failed: %s", error)
