"""The pool: order, bounds, health. Its logic on boxes that are counted, and on real ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from envgym.errors import Fault, UsageError
from envgym.sandboxes import open_backend
from envgym.sandboxes.base import Backend, BoxLost, Sandbox
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome, Result
from envgym.sandboxes.pool.pool import Pool, PoolFull
from envgym.sandboxes.supervisor_client.supervised_sandbox import Box


class CountedBox(Sandbox):
    def __init__(self, backend: CountedBackend, number: int, limits: Limits | None) -> None:
        self.backend, self.number, self.limits = backend, number, limits
        self.alive = self.works = True
        self.closed = 0

    async def read(self, path: str, *, limit: int = 0) -> bytes:
        if not self.alive:
            raise Fault("gone", "infra")
        raise UsageError("no such file")

    async def python(self, code: str, **more: Any) -> Result:
        return Result(Outcome.OK, 0, b"42\n" if self.works else b"")

    async def fork(self) -> Sandbox:
        return await self.backend.open()

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.backend.live.discard(self)
        self.closed += 1

    exec = write = shell = repl = snapshot = python  # type: ignore[assignment]


class CountedBackend(Backend):
    name, isolation = "counted", "none"

    def __init__(self) -> None:
        self.live: set[CountedBox] = set()
        self.made: list[CountedBox] = []
        self.most = 0
        self.faults = 0
        self.error: Exception | None = None
        self.closed = 0

    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        if self.faults:
            self.faults -= 1
            raise Fault("no room", "infra")
        box = CountedBox(self, len(self.made), limits)
        self.live.add(box)
        self.made.append(box)
        self.most = max(self.most, len(self.live))
        return box

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def backend() -> CountedBackend:
    return CountedBackend()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def until(true: Any) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def number(lease: Any) -> int:
    return lease._box.number


async def test_boxes_lie_ready_and_are_replaced_when_taken(backend: CountedBackend) -> None:
    async with Pool(backend, size=3, most=8) as pool:
        pool.start()
        await settled()
        assert (pool.measure().warm, len(backend.live)) == (3, 3)
        lease = await pool.open()
        await settled()
        assert number(lease) == 0  # the one that lay there longest
        assert (pool.measure().warm, pool.measure().leased, pool.stats.hits) == (3, 1, 1)
        await lease.close()
        await lease.close()
        await settled()
        assert backend.made[0].closed == 1
        assert len(backend.live) == 3
    assert backend.live == set()
    assert backend.closed == 1


async def test_a_box_is_never_handed_out_twice(backend: CountedBackend) -> None:
    async with Pool(backend, size=2, most=4) as pool:
        seen = []
        for _ in range(20):
            async with await pool.open() as lease:
                seen.append(number(lease))
        assert len(set(seen)) == 20


@pytest.mark.parametrize("size", [0, 2, 4])
async def test_never_more_boxes_than_the_bound(backend: CountedBackend, size: int) -> None:
    async with Pool(backend, size=size, most=4) as pool:

        async def use(i: int) -> None:
            limits = Limits(wall_s=5) if i % 3 == 0 else None
            async with await pool.owner(str(i % 5)).open(limits=limits) as box:
                await asyncio.sleep(0)
                if i % 7 == 0:
                    assert isinstance(box, Sandbox)

        await asyncio.gather(*(use(i) for i in range(60)))
        await settled()
        assert backend.most == 4
        assert pool.measure().leased == pool.stats.waiting == 0
        assert pool.stats.leased_in_all == 60
        assert sum(pool.stats.waits.counts) == 60
        assert pool.stats.warm == size


async def test_other_limits_or_a_snapshot_get_a_box_made_for_them(backend: CountedBackend) -> None:
    async with Pool(backend, size=2, most=2) as pool:
        pool.start()
        await settled()
        low = Limits(wall_s=1)
        lease: Any = await pool.open(limits=low)
        assert lease._box.limits == low
        assert backend.most == 2  # a ready one made room for it
        other: Any = await pool.open(snapshot=b"")
        assert number(other) == 3
        assert pool.measure().warm == 0


async def test_one_owner_waits_in_order(backend: CountedBackend) -> None:
    async with Pool(backend, size=0, most=1) as pool:
        first = await pool.open()
        order: list[int] = []

        async def use(i: int) -> None:
            async with await pool.open():
                order.append(i)

        tasks = []
        for i in range(10):
            tasks.append(asyncio.create_task(use(i)))
            await asyncio.sleep(0)
        assert pool.measure().waiting == 10
        await first.close()
        await asyncio.gather(*tasks)
        assert order == list(range(10))


async def test_a_crowd_does_not_starve_who_comes_later(backend: CountedBackend) -> None:
    async with Pool(backend, size=0, most=2) as pool:
        order: list[str] = []

        async def use(owner: str) -> None:
            async with await pool.owner(owner).open():
                order.append(owner)
                await settled()

        crowd = [asyncio.create_task(use("crowd")) for _ in range(50)]
        await settled()
        late = asyncio.create_task(use("late"))
        await asyncio.gather(late, *crowd)
        assert order.index("late") <= 3


async def test_a_share_leaves_room_for_others(backend: CountedBackend) -> None:
    async with Pool(backend, size=0, most=4, share=3, patience_s=0.05) as pool:
        greedy = pool.owner("greedy")
        leases = [await greedy.open() for _ in range(3)]
        with pytest.raises(PoolFull):
            await greedy.open()
        async with await pool.owner("other").open():
            assert pool.measure().leased == 4
        for lease in leases:
            await lease.close()
        await greedy.close()  # closes nothing of the pool
        assert backend.closed == 0


async def test_waiting_too_long_is_a_fault_that_names_the_mend(backend: CountedBackend) -> None:
    async with Pool(backend, size=0, most=1, patience_s=0.05, most_waiting=1) as pool:
        async with await pool.open():
            waiting = asyncio.create_task(pool.open())
            await asyncio.sleep(0)
            with pytest.raises(PoolFull, match="send fewer"):
                await pool.open()
            with pytest.raises(PoolFull, match="raise the pool's most") as caught:
                await waiting
            assert caught.value.kind == "infra"
            assert pool.measure().refused == 2
        await (await pool.open()).close()


async def test_who_gives_up_leaves_no_place_behind(backend: CountedBackend) -> None:
    async with Pool(backend, size=0, most=1) as pool:
        lease = await pool.open()
        tasks = [asyncio.create_task(pool.open()) for _ in range(3)]
        await settled()
        tasks[0].cancel()
        closing = asyncio.create_task(lease.close())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[1].cancel()  # about when it is let in
        await closing
        async with asyncio.timeout(5):
            await (await tasks[2]).close()
        await asyncio.gather(*tasks[:2], return_exceptions=True)
        assert pool.measure().leased == 0
        assert backend.live == set()


async def test_what_cannot_be_made_is_tried_again_and_then_said(backend: CountedBackend) -> None:
    async with Pool(backend, size=0, most=2, attempts=3, backoff_s=0.001) as pool:
        backend.faults = 2
        await (await pool.open()).close()
        assert (pool.stats.failed, pool.stats.made) == (2, 1)
        backend.faults = 3
        with pytest.raises(Fault, match="no room"):
            await pool.open()
        assert pool.measure().leased == 0
        backend.error = UsageError("this machine cannot")
        with pytest.raises(UsageError, match="cannot"):
            await pool.open()
        assert pool.stats.failed == 5  # no second try at what no try mends


async def test_a_pool_that_cannot_fill_recovers(backend: CountedBackend) -> None:
    backend.error = Fault("engine gone", "infra")
    async with Pool(backend, size=2, most=2, attempts=1, check_s=1e6, max_age_s=1e6) as pool:
        pool.start()
        await settled()
        await settled()
        assert pool.stats.failed == 2  # it does not try in a circle
        backend.error = None
        await (await pool.open()).close()  # who asks still tries
    backend.error = Fault("engine gone", "infra")
    async with Pool(backend, size=2, most=2, attempts=1, check_s=0.02, max_age_s=1e6) as pool:
        pool.start()
        await until(lambda: pool.stats.failed > 2)
        backend.error = None
        await until(lambda: pool.measure().warm == 2)


async def test_the_dead_are_found_before_they_are_handed_out(backend: CountedBackend) -> None:
    async with Pool(backend, size=2, most=4) as pool:
        pool.start()
        await settled()
        backend.made[0].alive = False
        lease = await pool.open()
        assert number(lease) == 1
        assert (pool.stats.dead, backend.made[0].closed) == (1, 1)


async def test_what_runs_no_job_or_grows_old_is_replaced(backend: CountedBackend) -> None:
    async with Pool(backend, size=1, most=2, check_s=0.02, max_age_s=1e6) as pool:
        pool.start()
        await settled()
        backend.made[0].works = False
        await until(lambda: backend.made[0].closed)
        await until(lambda: pool.measure().warm == 1)
        assert pool.stats.dead == 1
    old = CountedBackend()
    async with Pool(old, size=1, most=2, check_s=1e6, max_age_s=0.02) as pool:
        pool.start()
        await until(lambda: len(old.made) > 2)
        assert pool.stats.expired >= 1
        assert old.most == 1  # the old one goes first


async def test_a_fork_takes_a_place(backend: CountedBackend) -> None:
    async with Pool(backend, size=2, most=2, patience_s=0.02) as pool:
        box = await pool.open()
        copy = await box.fork()
        assert backend.most == 2
        with pytest.raises(PoolFull):
            await copy.fork()
        assert pool.measure().leased == 2


@pytest.mark.parametrize("quick", [False, True])
async def test_a_repl_and_a_program_take_a_place(quick: bool) -> None:
    backend = open_backend("unsafe")
    backend.quick = quick
    async with Pool(backend, size=0, most=2, patience_s=0.2) as pool:
        one, two = await pool.repl(), await pool.repl()
        assert (await one.run("6 * 7")).text == "42\n"
        for more in (pool.repl(), pool.run_python("1"), pool.open()):
            with pytest.raises(PoolFull, match="none of 2 sandboxes"):
                await more
        await one.close()
        await one.close()
        assert (await pool.run_python("print(1)")).text == "1\n"
        async with await pool.repl(limits=Limits(wall_s=0.3)) as three:
            assert (await three.run("while True: pass")).outcome is Outcome.TLE
            assert pool.measure().leased == 2
        await two.close()
        assert pool.measure().leased == 0
        left = await pool.repl()
    with pytest.raises(UsageError):
        await left.run("1")
    await left.close()


async def test_closing_ends_leases_and_waits(backend: CountedBackend) -> None:
    pool = Pool(backend, size=0, most=1)
    await pool.open()
    waiting = asyncio.create_task(pool.open())
    await settled()
    await pool.close()
    await pool.close()
    with pytest.raises(UsageError, match="closed"):
        await waiting
    with pytest.raises(UsageError, match="closed"):
        await pool.open()
    assert backend.live == set()


@pytest.mark.parametrize("wrong", [{"size": 5, "most": 4}, {"size": -1}, {"most": 0}, {"share": 0}])
def test_senseless_bounds_are_refused(backend: CountedBackend, wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Pool(backend, **{"size": 0, **wrong})


async def test_real_boxes_killed_while_ready_are_replaced() -> None:
    async with Pool(open_backend("unsafe"), size=2, most=4) as pool:
        pool.start()
        await until(lambda: pool.measure().warm == 2)
        killed = pool._warm[0].box
        assert isinstance(killed, Box)
        with pytest.raises(BoxLost):  # its supervisor, as a crash would
            await killed.ask({"op": "no such operation"})
        async with await pool.open() as box:
            await box.write("kept", b"1")
            async with await box.fork() as copy:
                assert await copy.read("kept") == b"1"
            assert (await box.python("print(6 * 7)")).text == "42\n"
            async with await box.repl() as repl:
                assert (await repl.run("6 * 7")).text == "42\n"
        assert pool.stats.dead == 1
        assert (await pool.run_python("import os; print(os.listdir())")).text == "[]\n"
