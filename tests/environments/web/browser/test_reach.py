"""What a page may reach, and what becomes of one that attacks: each with its outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from envgym.environments.web.browser import session, tab
from envgym.environments.web.browser.browser import Browser
from envgym.environments.web.browser.driver import BrowserDriver
from envgym.environments.web.observation.elements import Element
from envgym.environments.web.requests import BLOCKED, Answer, Request
from envgym.errors import Fault, ToolError

HERE = "http://a.test/"


class Pages:
    """Pages of one tab by path, and the addresses that were asked for."""

    def __init__(self, **pages: str) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def __call__(self, request: Request) -> Answer:
        self.asked.append(request.url)
        if not request.url.startswith(HERE):
            return BLOCKED
        text = self.pages.get(request.url.removeprefix(HERE) or "home")
        body = "nothing here" if text is None else text
        return Answer(404 if text is None else 200, body.encode(), (("Content-Type", "text/html"),))


@pytest.fixture
async def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab, "_LOAD_S", 4.0)
    monkeypatch.setattr(session, "_CALL_S", 4.0)


@pytest.fixture
async def opened(browser: Browser) -> AsyncIterator[tuple[BrowserDriver, Pages]]:
    pages = Pages()
    made = await browser.tab()
    made.network = pages
    yield BrowserDriver(made), pages
    await browser.release(made)


Opened = tuple[BrowserDriver, Pages]


async def elements(driver: BrowserDriver) -> dict[str, Element]:
    page = await driver.look()
    assert page.root is not None
    return {one.text or one.attributes.get("value", ""): one for one in page.root.walk()}


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "view-source:http://a.test/", "chrome://version", "devtools://x"),
        *("data:text/html,x", "javascript:alert(1)", "http://evil.test/", "http://127.0.0.1:22/"),
    ],
)
async def test_an_address_out_of_reach_is_refused(opened: Opened, url: str) -> None:
    driver, pages = opened
    pages.pages["home"] = "home"
    await driver.goto(HERE)
    with pytest.raises(ToolError, match="out of reach"):
        await driver.goto(url)
    page = await driver.look()
    assert page.url == HERE
    assert page.root is not None
    assert page.root.text == "home"


async def test_links_out_popups_and_downloads_lead_nowhere(
    browser: Browser, opened: Opened
) -> None:
    driver, pages = opened
    pages.pages["home"] = (
        "<a href='http://evil.test/'>out</a> <a href='file:///etc/passwd'>file</a> "
        "<a href='/' target=_blank>blank</a> <button onclick='window.open(\"/\")'>popup</button> "
        "<a href='/x' download>load</a> <img src='http://evil.test/i.png'>"
        "<script>fetch('http://evil.test/f').catch(() => 0); new WebSocket('ws://evil.test/w')</script>"
    )
    await driver.goto(HERE)
    for name in ("out", "file", "blank", "popup"):
        await driver.click((await elements(driver))[name])
        assert (await driver.look()).url == HERE
    assert driver.notices() == ["Notice: http://evil.test/ is out of reach."]
    assert browser.tabs == 1
    assert await driver.evaluate("window.opener") is None


async def test_storage_and_history_do_not_outlive_an_episode(
    browser: Browser, opened: Opened
) -> None:
    driver, pages = opened
    pages.pages["home"] = "<script>localStorage.x = (localStorage.x || '') + 'secret'</script>"
    await driver.goto(HERE)
    other = await browser.tab()
    other.network = pages
    second = BrowserDriver(other)
    await second.goto(HERE)
    assert await second.evaluate("localStorage.x") == "secret"
    await browser.release(other)
    await driver.tab.forget(HERE.rstrip("/"))
    await driver.goto(HERE)
    assert await driver.evaluate("localStorage.x") == "secret"
    await driver.tab.forget(HERE.rstrip("/"))
    with pytest.raises(ToolError, match="no page before"):
        await driver.back()


async def test_dialogs_are_accepted_and_told(opened: Opened) -> None:
    driver, pages = opened
    pages.pages["home"] = "<button onclick='alert(\"hello\")'>say</button>"
    await driver.goto(HERE)
    await driver.click((await elements(driver))["say"])
    await driver.look()
    assert driver.notices() == ["Notice: hello"]
    assert driver.notices() == []


@pytest.mark.parametrize(
    "html",
    ["<script>for(;;);</script>", "<script>for(;;)alert(1)</script>"],
    ids=["loop", "alerts"],
)
async def test_a_page_that_hangs_is_a_fault_and_its_tab_is_replaced(
    quick: None, browser: Browser, html: str
) -> None:
    pages = Pages(home=html, fine="fine")
    first = await browser.tab()
    first.network = pages
    with pytest.raises(Fault):
        await BrowserDriver(first).goto(HERE)
    assert first.broken
    await browser.release(first)
    second = await browser.tab()
    second.network = pages
    driver = BrowserDriver(second)
    await driver.goto(HERE + "fine")
    assert (await elements(driver))["fine"]
    await browser.release(second)
    assert browser.tabs == 1


async def test_huge_pages_are_cut_or_refused(opened: Opened) -> None:
    driver, pages = opened
    pages.pages["large"] = "<p>word " * 100_000
    pages.pages["huge"] = "x" * (100 << 20)
    await driver.goto(HERE + "large")
    page = await driver.look()
    assert page.cut
    assert page.root is not None
    assert len(page.root.text) < 40_000
    with pytest.raises(ToolError, match="out of reach"):
        await driver.goto(HERE + "huge")


async def test_elements_that_cannot_be_acted_on_say_why(opened: Opened) -> None:
    driver, pages = opened
    pages.pages["home"] = (
        "<div style='position:fixed;inset:0'>veil</div><button>under</button>"
        "<select><option>one</select><input disabled value=off>"
        "<p style='position:relative;z-index:9'><button onclick='this.remove()'>once</button></p>"
    )
    await driver.goto(HERE)
    found = await elements(driver)
    for element, why in (
        (found["under"], "covered by div 'veil'"),
        (next(e for e in found.values() if e.tag == "option"), "use select_option"),
    ):
        with pytest.raises(ToolError, match=why):
            await driver.click(element)
    with pytest.raises(ToolError, match="is disabled"):
        await driver.fill(found["off"], "x")
    with pytest.raises(ToolError, match="takes no text"):
        await driver.fill(found["once"], "x")
    await driver.click(found["once"])
    with pytest.raises(ToolError, match="no longer on the page"):
        await driver.click(found["once"])
    await driver.evaluate("document.querySelector('input').style.display = 'none'")
    with pytest.raises(ToolError, match="not visible"):
        await driver.click(found["off"])
