"""Crashed tabs and browsers are infrastructure faults that are replaced; no process is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from envgym.environments.web.browser import process
from envgym.environments.web.browser.browser import Browser
from envgym.environments.web.sites.environment import WebSites
from envgym.errors import Fault, UsageError


def of_profile(name: str) -> list[int]:
    """Living processes of the browser whose profile folder has this name."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if name.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


async def test_a_crashed_tab_is_a_fault_and_the_next_episode_gets_another(browser: Browser) -> None:
    tab = await browser.tab()
    crash = tab.send("Page.crash")
    with pytest.raises(Fault) as caught:
        await crash
    assert caught.value.kind == "infra"
    await browser.release(tab)
    other = await browser.tab()
    assert await other.evaluate("1 + 1") == 2
    await browser.release(other)


async def test_episodes_survive_killed_browsers(chromium: str) -> None:
    envs = [WebSites(browser="chromium", sites=["shop"]) for _ in range(3)]
    pids = set()
    for round in range(3):
        await asyncio.gather(*(env.reset(seed=round) for env in envs))
        browser = envs[0]._tabs._browser  # type: ignore[union-attr]
        assert browser is not None
        assert browser.pid is not None
        pids.add(browser.pid)
        os.killpg(browser.pid, signal.SIGKILL)
        for env in envs:
            action = await anext(env.oracle())
            with pytest.raises(Fault) as caught:
                await env.step(action)
            assert caught.value.kind == "infra"
    assert len(pids) == 3
    for env in envs:
        await env.reset(seed=7)
        async for action in env.oracle():
            await env.step(action)
        assert env.score == 1.0
        await env.close()


CHILD = """
import asyncio, os, signal
from envgym.environments.web.browser.browser import Browser

async def main():
    browser = Browser("chromium")
    tab = await browser.tab()
    await tab.evaluate("1")
    print("ready", flush=True)
    {end}

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "end", ["os.kill(os.getpid(), signal.SIGKILL)", "await browser.close()", "pass"]
)
async def test_no_browser_outlives_its_process(chromium: str, end: str) -> None:
    child = subprocess.Popen(  # noqa: ASYNC220 - waited for in a thread
        [sys.executable, "-c", CHILD.format(end=end)], stdout=subprocess.PIPE
    )
    out, _ = await asyncio.to_thread(child.communicate)
    assert out == b"ready\n"
    name = f"envgym-chromium-{child.pid}-"
    for _ in range(100):
        if not of_profile(name):
            break
        await asyncio.sleep(0.1)
    assert of_profile(name) == []


async def test_a_missing_browser_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENVGYM_CHROMIUM", raising=False)
    monkeypatch.setattr(process.shutil, "which", lambda name: None)
    env = WebSites(browser="chromium")
    with pytest.raises(UsageError, match="apt-get install chromium") as caught:
        await env.reset(seed=0)
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("ENVGYM_CHROMIUM", "/nowhere")
    with pytest.raises(UsageError, match="ENVGYM_CHROMIUM=/nowhere is no program"):
        await env.reset(seed=0)
    await env.close()


async def test_a_remote_browser_that_is_not_there_is_a_fault() -> None:
    env = WebSites(browser="cdp:http://127.0.0.1:9")
    with pytest.raises(Fault, match=r"no browser answers at http://127\.0\.0\.1:9"):
        await env.reset(seed=0)
    await env.close()


async def test_a_remote_browser_serves_as_a_local_one(chromium: str, tmp_path: Path) -> None:
    port_file = tmp_path / "DevToolsActivePort"
    command = [chromium, "--headless", "--no-sandbox", "--remote-debugging-port=0"]
    command += [f"--user-data-dir={tmp_path}", "--disable-gpu"]
    remote = subprocess.Popen(  # noqa: ASYNC220 - it lives until the end of the test
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        for _ in range(400):
            if port_file.exists() and port_file.read_text().strip():
                break
            await asyncio.sleep(0.05)
        port = port_file.read_text().split()[0]
        env = WebSites(browser=f"cdp:http://127.0.0.1:{port}", templates=["shop/add-to-cart"])
        await env.reset(seed=1)
        async for action in env.oracle():
            await env.step(action)
        assert env.score == 1.0
        await env.close()
    finally:
        os.killpg(remote.pid, signal.SIGKILL)
        await asyncio.to_thread(remote.wait)
