from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from envgym.utils.thread_call import ThreadCall

WHO = contextvars.ContextVar("WHO", default="nobody")


async def test_it_gives_what_the_function_gave() -> None:
    WHO.set("me")
    call = ThreadCall(lambda x: (WHO.get(), threading.current_thread().name, x), {"x": 3}, name="t")
    assert await call.result() == ("me", "t", 3)


@pytest.mark.parametrize("error", [KeyError("k"), StopIteration(), SystemExit(3)])
async def test_it_raises_what_the_function_raised(error: BaseException) -> None:
    def fail() -> None:
        raise error

    # A coroutine cannot raise StopIteration: Python makes it a RuntimeError.
    expected = RuntimeError if isinstance(error, StopIteration) else type(error)
    with pytest.raises(expected):
        await ThreadCall(fail, {}, name="t").result()


async def test_cancelled_it_stops_waiting_and_says_that_it_runs() -> None:
    let_go = threading.Event()
    call = ThreadCall(let_go.wait, {"timeout": 10}, name="t")
    waiting = asyncio.create_task(call.result())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    ended = asyncio.create_task(call.ended())
    await asyncio.sleep(0.01)
    assert not ended.done()
    let_go.set()
    await ended


def test_a_loop_that_is_gone_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    let_go = threading.Event()

    async def leave() -> None:
        ThreadCall(let_go.wait, {"timeout": 10}, name="left behind")

    asyncio.run(leave())  # returns at once: it waits for no thread of ours
    (thread,) = [t for t in threading.enumerate() if t.name == "left behind"]
    let_go.set()
    thread.join()
    assert capfd.readouterr().err == ""
