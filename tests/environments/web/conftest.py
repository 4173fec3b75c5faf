"""A browser for the tests of web environments, or a skip that names what is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.util import find_spec

import pytest

from envgym.environments.web.browser.browser import Browser
from envgym.environments.web.browser.process import find_chromium
from envgym.errors import UsageError
from tests.machine import need


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Chromium."""
    try:
        return find_chromium()
    except UsageError as error:
        need(False, str(error))
        raise


@pytest.fixture(scope="session")
def miniwob(chromium: str) -> None:
    """The pages of MiniWoB++, and a browser for them."""
    need(find_spec("miniwob"), "no package miniwob: run 'pip install miniwob'")


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A browser of the test's own, closed at its end."""
    browser = Browser("chromium")
    yield browser
    await browser.close()
