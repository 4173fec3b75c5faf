"""The runner of tools in a box: each step's ending is typed, and nothing it says is believed."""

from __future__ import annotations

import json

import pytest

from envgym.errors import Fault
from envgym.sandboxes import Backend, Limits
from envgym.sandboxes.graders.verilog.chain import Step, run_chain
from envgym.sandboxes.outcome import Outcome, Result

QUICK = Limits(wall_s=10.0, cpu_s=1.0)
SAYS = Step(("sh", "-c", "echo said >&2; echo dropped; cat in > out"), ("out", "absent"))


async def test_files_errors_and_endings(backend: Backend) -> None:
    steps = [SAYS, Step(("sh", "-c", "test -s out; exit 3")), SAYS]
    first, last = await run_chain(backend, {"in": b"x\n\0"}, steps, limits=QUICK)
    assert (first.result.outcome, first.result.stderr) == (Outcome.OK, b"said\n")
    assert first.files == {"out": b"x\n\0"}
    assert (last.result.outcome, last.result.exit_code) == (Outcome.RE, 3)
    assert last.result.stderr == b""


async def test_a_tool_that_is_not_there_is_a_fault(backend: Backend) -> None:
    with pytest.raises(Fault, match="no such-tool in the sandbox"):
        await run_chain(backend, {}, [Step(("such-tool",))], limits=QUICK)


async def test_time_and_output_are_bounded(backend: Backend) -> None:
    busy = Step(("sh", "-c", "while :; do :; done"))
    done = await run_chain(backend, {"in": b""}, [SAYS, busy, SAYS], limits=QUICK)
    assert [one.result.outcome for one in done] == [Outcome.OK, Outcome.TLE]
    flood = Step(
        ("sh", "-c", "head -c 5000000 /dev/zero >&2; echo told; head -c 5000000 /dev/zero")
    )
    [one] = await run_chain(backend, {}, [flood], limits=QUICK)
    assert one.result.ok
    assert len(one.result.stderr) == 1 << 18


class _Forger(Backend):
    name = isolation = "forged"

    def __init__(self, told: bytes) -> None:
        self._told = told

    async def open(self, **_: object) -> object:  # type: ignore[override]
        raise NotImplementedError

    async def run_python(
        self, code: str, *, stdin: bytes = b"", limits: Limits | None = None
    ) -> Result:
        return Result(Outcome.OK, 0, self._told)

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
        b'{"status": 1e999, "cpu_s": 0, "resident": 0, "sizes": [0, 0, 0]}\n',
    ],
)
async def test_what_makes_no_sense_is_no_answer(told: bytes) -> None:
    [done] = await run_chain(_Forger(b"\n" + told), {}, [SAYS], limits=QUICK)
    assert done.result.outcome is Outcome.RE
    assert not done.files
    with pytest.raises(Fault, match="does not start"):
        await run_chain(_Forger(told), {}, [SAYS], limits=QUICK)
