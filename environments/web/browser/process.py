"""Chromium process: found, started with a profile of its own, and ended for certain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

from envgym.environments.web.browser.transport import PipeTransport
from envgym.errors import UsageError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Names of the program, tried in this order, where ENVGYM_CHROMIUM does not name it."""
_FLAGS = (
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-client-side-phishing-detection",
    "--disable-features=BackForwardCache,Translate,OptimizationHints,MediaRouter,IsolateOrigins,site-per-process",
    "--disable-hang-monitor",
    "--disable-popup-blocking",
    "--disable-quic",
    "--dns-prefetch-disable",
    # No name and no address resolves: pages come from this process alone (see `network`).
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--password-store=basic",
    "--window-size=800,600",
)
_TERM_S = 3.0
_PROFILE = "envgym-chromium-"


def find_chromium() -> str:
    """Path of the Chromium to run.

    Raises:
        UsageError: There is none; the message names the package.
    """
    named = os.environ.get("ENVGYM_CHROMIUM")
    for name in (named,) if named else NAMES:
        if (path := shutil.which(name)) is not None:
            return path
    if named:
        raise UsageError(f"ENVGYM_CHROMIUM={named} is no program: name the browser's executable")
    raise UsageError(
        "no Chromium here: run 'apt-get install chromium', name one in ENVGYM_CHROMIUM, or use "
        "browser='cdp:http://host:port' (sites also run without a browser: browser='none')"
    )


class ChromiumProcess:
    """A running Chromium; use `start`.

    Attributes:
        pid: Process id, which is also that of its process group.
    """

    def __init__(self, pid: int, profile: Path) -> None:
        self.pid = pid
        self._profile = profile
        self._ended = False

    @classmethod
    async def start(cls, headed: bool = False) -> tuple[ChromiumProcess, PipeTransport]:
        """Start a Chromium whose life is that of the returned pipe.

        It runs without its own sandbox only where this process is root, since Chromium refuses to
        start otherwise; give it an account of its own to keep the sandbox.
        """
        path = find_chromium()
        _remove_left_profiles()
        profile = Path(tempfile.mkdtemp(prefix=f"{_PROFILE}{os.getpid()}-"))
        flags = [*_FLAGS, f"--user-data-dir={profile}"]
        if not headed:
            flags.append("--headless")
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        ours, theirs = socket.socketpair()
        files: list[tuple[Any, ...]] = [
            (os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)
        ]
        files += [(os.POSIX_SPAWN_DUP2, theirs.fileno(), number) for number in (3, 4)]
        try:
            pid = os.posix_spawn(  # noqa: ASYNC221 - returns at once
                path,
                [path, *flags, "about:blank"],
                os.environ,
                file_actions=files,
                setsid=True,
            )
        except OSError as error:
            ours.close()
            shutil.rmtree(profile, ignore_errors=True)
            raise UsageError(f"{path} does not start: {error}") from error
        finally:
            theirs.close()
        return cls(pid, profile), await PipeTransport.open(ours)

    async def stop(self) -> None:
        """Wait for the process, whose pipe was closed; kill it if it lingers."""
        end = time.monotonic() + _TERM_S
        while not self._ended and time.monotonic() < end:
            if os.waitpid(self.pid, os.WNOHANG)[0]:  # noqa: ASYNC222 - returns at once
                self._ended = True
            else:
                await asyncio.sleep(0.02)
        await asyncio.to_thread(self.kill)
        await asyncio.to_thread(shutil.rmtree, self._profile, ignore_errors=True)

    def kill(self) -> None:
        """Kill the browser and all of its processes."""
        if self._ended:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self._ended = True
        shutil.rmtree(self._profile, ignore_errors=True)


def _remove_left_profiles() -> None:
    """Remove the profiles of processes that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PROFILE}*"):
        owner = folder.name.removeprefix(_PROFILE).partition("-")[0]
        if owner.isdecimal() and not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)
