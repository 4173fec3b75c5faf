from __future__ import annotations

import threading

import pytest

from envgym.resources import Shared, open_resources


class Index:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class AsyncIndex(Index):
    async def aclose(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("kind", [Index, AsyncIndex])
async def test_opened_once_closed_by_the_last(kind: type[Index]) -> None:
    opened: list[Index] = []

    def make() -> Index:
        opened.append(kind())
        return opened[-1]

    users = [Shared(("test", kind), make) for _ in range(1000)]
    assert len(opened) == 1
    assert open_resources()["test", kind] == 1000
    for user in users[:-1]:
        await user.close()
        await user.close()
    assert opened[0].closed == 0
    await users[-1].close()
    assert opened[0].closed == 1
    assert ("test", kind) not in open_resources()
    again = Shared(("test", kind), make)
    assert again.value is opened[1]
    await again.close()


async def test_keys_keep_resources_apart_and_values_need_no_close() -> None:
    a, b = Shared("test/a", lambda: [1]), Shared("test/b", lambda: [2])
    assert (a.value, b.value) == ([1], [2])
    await a.close()
    await b.close()


async def test_a_failed_opening_leaves_nothing() -> None:
    def fails() -> None:
        raise OSError("no file")

    with pytest.raises(OSError, match="no file"):
        Shared("test/fails", fails)
    assert "test/fails" not in open_resources()


async def test_threads_open_once() -> None:
    opened: list[int] = []
    users: list[Shared[int]] = []
    threads = [
        threading.Thread(target=lambda: users.append(Shared("test/t", lambda: opened.append(1))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == [1]
    for user in users:
        await user.close()
    assert "test/t" not in open_resources()


async def test_one_that_is_opening_holds_up_no_other() -> None:
    """A client of a server in the same process: each opens what the other waits for."""
    inner: list[Shared[str]] = []

    def outer() -> str:
        thread = threading.Thread(target=lambda: inner.append(Shared("test/inner", lambda: "in")))
        thread.start()
        thread.join(10)
        return "out"

    user = Shared("test/outer", outer)
    assert [i.value for i in inner] == ["in"]
    await user.close()
    await inner[0].close()


async def test_of_those_that_wait_for_a_failed_opening_the_next_one_tries() -> None:
    tries, values = [], []
    begun, others = threading.Event(), threading.Event()

    def open_() -> int:
        tries.append(1)
        if len(tries) == 1:
            begun.set()
            others.wait(10)
            raise OSError("not yet")
        return len(tries)

    def first() -> None:
        with pytest.raises(OSError, match="not yet"):
            Shared("test/late", open_)

    threads = [threading.Thread(target=first)]
    threads[0].start()
    begun.wait(10)
    threads += [
        threading.Thread(target=lambda: values.append(Shared("test/late", open_))) for _ in range(3)
    ]
    for thread in threads[1:]:
        thread.start()
    others.set()
    for thread in threads:
        thread.join(10)
    assert [v.value for v in values] == [2, 2, 2]
    for value in values:
        await value.close()
    assert "test/late" not in open_resources()
