"""A real browser for the page's tests."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.machine import need

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Open = Callable[..., Awaitable[Page]]

expect.set_options(timeout=20_000)  # its own clock, beside the context's


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser, or a skip that names it; a failure where ENVGYM_REQUIRE_ALL=1."""
    need(CHROMIUM.exists(), f"no {CHROMIUM}: run 'apt-get install chromium'")
    return CHROMIUM


@pytest.fixture
async def open_page(chromium: Path, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens an address in a fresh Chromium; at the end no page may have had an error.

    Keywords are the browser context's: ``viewport``, ``color_scheme``, ``has_touch``, …
    """
    profiles = itertools.count()
    errors: list[str] = []
    async with AsyncExitStack() as stack:
        play = await stack.enter_async_context(async_playwright())

        async def open_page(address: str, **options: Any) -> Page:
            profile = tmp_path / f"profile-{next(profiles)}"
            context = await play.chromium.launch_persistent_context(
                profile, executable_path=chromium, args=FLAGS, **options
            )
            stack.push_async_callback(context.close)
            context.set_default_timeout(20_000)
            page = await context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.goto(address)
            return page

        yield open_page
    assert errors == []
