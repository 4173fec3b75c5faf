"""What the checks are made of: coroutines cut at a point, leaks counted, secrets by contrast."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from envgym.checker import coroutine_probe
from envgym.checker.checks import isolation
from envgym.checker.checks.leaks import belongings, settled
from envgym.checker.coroutine_probe import cancelled_at, outcome, watched
from envgym.checker.leak_statistics import contrasted
from envgym.checker.target import Target
from envgym.task import Task
from tests.envgym.checker.readme_world import GuessNumber


async def three_points(log: list[str]) -> str:
    log.append("begun")
    await asyncio.sleep(0)
    log.append("after 0")
    await asyncio.get_running_loop().run_in_executor(None, int)
    log.append("after 1")
    async with asyncio.timeout(5):
        await asyncio.sleep(0.001)
    log.append("after 2")
    return "done"


@pytest.mark.parametrize("point", [0, 1, 2, 3])
async def test_it_is_cancelled_exactly_there(point: int) -> None:
    log: list[str] = []
    ended = await cancelled_at(point, three_points(log))
    if point == 3:  # it has no such point
        assert (ended.how, ended.cut, log[-1]) == ("returned", False, "after 2")
    else:
        assert (ended.how, ended.cut) == ("cancelled", True)
        assert len(log) == point + 1


async def test_it_says_how_a_coroutine_ends() -> None:
    async def swallows() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return

    async def turns() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise KeyError("mine")

    assert (await cancelled_at(0, swallows())).how == "returned"
    turned = await cancelled_at(0, turns())
    assert (turned.how, type(turned.error)) == ("raised", KeyError)
    before = asyncio.all_tasks()
    assert (await outcome(asyncio.sleep(60), patience=0.01)).how == "hung"
    assert asyncio.all_tasks() == before


async def test_watching_changes_nothing_and_times_each_stretch() -> None:
    held: list[float] = []
    points: list[int] = []
    assert await watched(three_points([]), points.append, held.append) == "done"
    assert points == [0, 1, 2]
    assert len(held) == 4
    with pytest.raises(ZeroDivisionError):
        await watched(asyncio.wait_for(_divide(), 1))


async def _divide() -> float:
    await asyncio.sleep(0)
    return 1 / 0


async def test_patience_is_short_beside_any_deadline() -> None:
    assert coroutine_probe.PATIENCE_S < 10


async def test_what_is_left_is_counted_grandchildren_and_zombies_too() -> None:
    before = await settled({})
    reader, writer = os.pipe()
    let_go = threading.Event()
    thread = threading.Thread(target=let_go.wait, daemon=True)
    thread.start()
    task = asyncio.create_task(asyncio.sleep(60))
    parent, zombie = _processes()
    grown = {"asyncio tasks": 1, "threads": 1, "processes": 3, "file descriptors": 2}
    wanted = before | {what: before[what] + more for what, more in grown.items()}
    for _ in range(400):  # until the grandchild is born and the zombie dead
        if belongings() == wanted:
            break
        await asyncio.sleep(0.05)
    assert belongings() == wanted
    os.close(reader)
    os.close(writer)
    let_go.set()
    task.cancel()
    os.killpg(parent.pid, 9)
    parent.wait()
    zombie.wait()
    assert await settled(before) == before


def _processes() -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    """A parent and its child, in a group of their own; and one that ends at once."""
    program = "import subprocess; subprocess.run(['sleep', '60'])"
    parent = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    return parent, subprocess.Popen(["true"])


def tasks(values: list[object]) -> list[Task]:
    return [Task({"n": n}, {"x": value}) for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "text", "found"),
    [
        ([*range(40, 52)], "it is {}.", True),
        ([*range(40, 52)], "it is not {}0.", False),  # another number
        ([*range(40, 52)], "one of " + " ".join(map(str, range(40, 52))) + " {}", False),
        (["a", "b"] * 6, "({})", True),
        (["a", "b"] * 6, "a or b: {}", False),  # both are always there
        ([True, False] * 6, "{}", False),  # no number
        ([7] * 12, "it is {}", False),  # no contrast
        ([*range(40, 46)], "it is {}", False),  # too few
        ([1.5, 2.5] * 6, "{} m", True),
        (["", "b"] * 6, "{}", False),
    ],
)
def test_secrets_are_told_from_chance_by_contrast(
    values: list[object], text: str, found: bool
) -> None:
    texts = [text.format(value) for value in values]
    assert list(contrasted(tasks(values), texts)) == ([("x", values[0])] if found else [])


def test_what_the_visible_part_holds_is_no_secret() -> None:
    rows = [Task({"options": [n, n + 1]}, {"x": n}) for n in range(40, 60, 2)]
    assert list(contrasted(rows, [str(row.data) for row in rows])) == []


async def test_instances_too_heavy_for_a_crowd_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_BUDGET_S", -1.0)
    target = Target(GuessNumber, company=100)
    problems = [p async for p in isolation.same_seed_same_episode_in_company(target)]
    assert [p.message for p in problems] == ["only 0 of 100 instances began in -1 s"]
    assert "resources.Shared" in problems[0].fix
