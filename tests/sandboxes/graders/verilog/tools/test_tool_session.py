"""Tools in a box: each step's ending is typed, and nothing that the box says is believed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from envgym.errors import Fault
from envgym.sandboxes import Backend, Limits
from envgym.sandboxes.base import Session
from envgym.sandboxes.graders.verilog.tools.tool_session import ToolSession, ToolStep
from envgym.sandboxes.outcome import Outcome, Result

QUICK = Limits(wall_s=10.0, cpu_s=1.0)
SAYS = ToolStep(("sh", "-c", "echo said >&2; echo dropped; cat in > out"), ("out", "absent"))


@pytest.fixture
async def tools(backend: Backend) -> AsyncIterator[ToolSession]:
    async with ToolSession(backend, QUICK) as opened:
        yield opened


async def test_files_errors_and_endings(tools: ToolSession) -> None:
    steps = [SAYS, ToolStep(("sh", "-c", "test -s out; exit 3")), SAYS]
    first, last = await tools.run({"in": b"x\n\0\xff"}, steps)
    assert (first.result.outcome, first.result.stderr) == (Outcome.OK, b"said\n")
    assert first.files == {"out": b"x\n\0\xff"}
    assert (last.result.outcome, last.result.exit_code) == (Outcome.RE, 3)
    assert last.result.stderr == b""


async def test_a_tool_that_is_not_there_is_a_fault(tools: ToolSession) -> None:
    with pytest.raises(Fault, match="no such-tool in the sandbox"):
        await tools.run({}, [ToolStep(("such-tool",))])


async def test_runs_share_a_box_and_no_files(tools: ToolSession) -> None:
    where = ToolStep(("sh", "-c", "echo $PPID > pid; echo x > new"), ("pid", "old"))
    [first] = await tools.run({"old": b"x"}, [where])
    [second] = await tools.run({}, [where])
    assert (first.files["pid"], first.files["old"]) == (second.files["pid"], b"x")
    assert "old" not in second.files


async def test_no_tool_holds_what_its_runner_is_asked_by(tools: ToolSession) -> None:
    [done] = await tools.run({}, [ToolStep(("sh", "-c", "ls /proc/self/fd > fds"), ("fds",))])
    assert set(done.files["fds"].split()) <= {b"0", b"1", b"2", b"3"}  # ls' own is 3
    [done] = await tools.run({}, [ToolStep(("sh", "-c", "echo >&3"))])
    assert not done.result.ok


async def test_time_and_output_are_bounded(tools: ToolSession) -> None:
    busy = ToolStep(("sh", "-c", "while :; do :; done"))
    done = await tools.run({"in": b""}, [SAYS, busy, SAYS])
    assert [one.result.outcome for one in done] == [Outcome.OK, Outcome.TLE]
    flood = ToolStep(
        ("sh", "-c", "head -c 5000000 /dev/zero >&2; echo told; head -c 5000000 /dev/zero")
    )
    [one] = await tools.run({}, [flood])  # in a new box: the last one is lost
    assert one.result.ok
    assert len(one.result.stderr) == 1 << 18


async def test_a_run_may_have_less_time_than_its_box(backend: Backend) -> None:
    async with ToolSession(backend, QUICK) as tools:
        sleep = ToolStep(("sleep", "5"))
        [done] = await tools.run({}, [sleep], QUICK.model_copy(update={"wall_s": 0.2}))
    assert done.result.outcome is Outcome.TLE


async def test_a_box_that_is_gone_is_a_fault_and_the_next_run_has_another(
    backend: Backend,
) -> None:
    async with ToolSession(backend, QUICK) as tools:
        [done] = await tools.run({}, [ToolStep(("sh", "-c", "kill -9 $PPID"))])
        assert not done.result.ok
        [done] = await tools.run({"in": b"x"}, [SAYS])
        assert done.files == {"out": b"x"}
        assert tools._session is not None
        await tools._session.close()
        with pytest.raises(Fault, match="is gone"):
            await tools.run({"in": b"x"}, [SAYS])
        [done] = await tools.run({"in": b"x"}, [SAYS])
        assert done.result.ok


async def test_a_runner_that_fails_is_a_fault(tools: ToolSession) -> None:
    with pytest.raises(Fault, match="Permission denied"):
        await tools.run({"tool": b"not to be executed"}, [ToolStep(("./tool",))])
    [done] = await tools.run({}, [ToolStep(("mkdir", "out"), ("out",))])
    assert done.result.ok
    assert not done.files


class _Forged(Session):
    ready = frozenset(["_envgym_tools"])

    def __init__(self, told: bytes) -> None:
        self._told = told

    async def run(self, code: str, *, limits: Limits | None = None) -> Result:
        return Result(Outcome.OK, 0, self._told)

    async def fork(self) -> Session:
        raise NotImplementedError

    async def close(self) -> None:
        return


class _Forger(Backend):
    name = isolation = "forged"

    def __init__(self, told: bytes) -> None:
        self._told = told

    async def open(self, **_: object) -> object:  # type: ignore[override]
        raise NotImplementedError

    async def repl(self, *, limits: Limits | None = None) -> Session:
        return _Forged(self._told)

    async def close(self) -> None:
        return


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"no JSON\n",
        b"[]\n",
        b"[" * 100_000,
        json.dumps({"status": 0, "cpu_s": 0, "resident": 0, "sizes": [1 << 60]}).encode(),
        json.dumps({"status": 0, "cpu_s": 0, "resident": 0, "sizes": [0]}).encode(),
        json.dumps({"status": 0x7F, "cpu_s": 0, "resident": 0, "sizes": [0, 0, 0]}).encode(),
        json.dumps({"status": 1 << 40, "cpu_s": 0, "resident": 0, "sizes": [0, 0, 0]}).encode(),
        b'{"status": 0, "cpu_s": NaN, "resident": 0, "sizes": [0, 0, 0]}\n',
        b'{"status": 1e999, "cpu_s": 0, "resident": 0, "sizes": [0, 0, 0]}\n',
    ],
)
async def test_what_makes_no_sense_is_no_answer(told: bytes) -> None:
    [done] = await ToolSession(_Forger(b"\n" + told), QUICK).run({}, [SAYS])
    assert done.result.outcome is Outcome.RE
    assert not done.files
    with pytest.raises(Fault, match="the runner of tools fails"):
        await ToolSession(_Forger(told), QUICK).run({}, [SAYS])
