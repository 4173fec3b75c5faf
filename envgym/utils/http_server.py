"""Running a web application from a command until Ctrl-C or SIGTERM, and its token."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from envgym.errors import UsageError

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
_LAST_WORDS_S = 5.0  # for answers that are on their way when the end comes


async def listen(
    app: web.Application,
    host: str,
    port: int,
    ready: Callable[[str], object] | None = None,
    *,
    last_words_s: float = _LAST_WORDS_S,
    backlog: int = 128,
    cancel_on_disconnect: bool = False,
) -> None:
    """Serve until SIGTERM, or until cancelled; requests in progress are finished.

    Args:
        port: 0 takes any free one.
        last_words_s: Seconds for requests in progress at shutdown.
        backlog: Maximum number of connections that wait to be accepted.
        ready: Called with the address once it answers.
        cancel_on_disconnect: Cancel the handler of a client that has gone.

    Raises:
        UsageError: The port is taken, or the address is not this machine's.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=last_words_s,
        handler_cancellation=cancel_on_disconnect,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=backlog)
        try:
            await site.start()
        except OSError as error:
            raise UsageError(
                f"cannot listen on {host}:{port} ({error.strerror}): give another --port, or 0 for "
                "any free one"
            ) from error
        if ready is not None:
            name = f"[{host}]" if ":" in host else host
            ready(f"http://{name}:{runner.addresses[0][1]}/")
        await _told_to_stop()
    finally:
        await runner.cleanup()


def server_token(file: Path | None, host: str) -> str | None:
    """Read the token that clients must send; None where there is no file.

    Raises:
        UsageError: The file cannot be read or is empty, or there is none where others reach the
            server.
    """
    if file is None:
        if host in LOCAL_HOSTS:
            return None
        raise UsageError(
            f"{host} can be reached by others: give --token-file, or listen on 127.0.0.1"
        )
    try:
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the token file {file}: {error}") from error
    if not token:
        raise UsageError(f"the token file {file} is empty: write a long random text into it")
    return token


async def _told_to_stop() -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    except (RuntimeError, ValueError):  # not the main thread: signals are its owner's
        await stop.wait()
    try:
        await stop.wait()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
