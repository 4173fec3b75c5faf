"""Process of the service, from its start to a clean stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from envgym.errors import UsageError
from envgym.sandboxes.base import Backend
from envgym.sandboxes.pool.pool import Pool
from envgym.sandboxes.service.app import Service
from envgym.sandboxes.service.config import ServiceConfig, Tokens
from envgym.sandboxes.service.health import Health

_log = logging.getLogger(__name__)


async def serve(
    backend: Backend,
    token_file: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    size: int = 4,
    most: int = 16,
    share: int | None = None,
    config: ServiceConfig | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or cancelled; then stop in order, and close the backend.

    The backend reaps leftovers of an earlier process when it is opened; sandboxes of `namespace`
    and `unsafe` die with the process that made them.

    Args:
        port: Port; 0 takes any free one.
        size, most, share: See `Pool`.
        ready: Called with the address once the service answers.

    Raises:
        UsageError: The token file is invalid, or the port is taken.
    """
    config = config or ServiceConfig()
    pool = Pool(backend, size=size, most=most, share=share)
    service = Service(pool, Tokens(token_file), config, Health(backend))
    # A client that vanishes cancels its handler: that is how the service hears of it.
    runner = web.AppRunner(
        service.app(),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=1.0,
        read_bufsize=1 << 20,
    )
    await runner.setup()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise UsageError(
                f"cannot listen on {host}:{port} ({error.strerror}): give another --port, or 0 for "
                "any free one"
            ) from error
        _log.info("serving sandboxes of %s (%s)", backend.name, backend.isolation)
        if ready is not None:
            ready(f"http://{host}:{runner.addresses[0][1]}")
        await stop.wait()
        _log.info("stopping: nothing new is taken, runs get %g s", config.stop_s)
        await service.idempotency.close()
    finally:
        await runner.cleanup()
        for number in signals:
            loop.remove_signal_handler(number)
    _log.info("stopped")
