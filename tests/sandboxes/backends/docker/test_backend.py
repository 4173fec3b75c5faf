"""Containers as boxes: what they let a program do, and that none outlives its box."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

from envgym.errors import Fault, UsageError
from envgym.sandboxes import Limits, Outcome
from envgym.sandboxes.backends.docker.backend import DockerBackend
from envgym.sandboxes.backends.docker.engine import Engine
from envgym.sandboxes.backends.docker.reap import OWNER, SANDBOX, is_dead, owner

MIB = 1 << 20


async def ours(engine: Engine) -> list[str]:
    """Names of this process's containers."""
    mine = owner(os.getpid())
    found = await engine.list(f"{OWNER}={mine}")
    return [container["Names"][0].lstrip("/") for container in found]


async def until(true: Callable[[], bool]) -> None:
    """Wait for it, half a minute at most."""
    for _ in range(600):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come")


async def test_a_box_runs_programs_keeps_files_and_leaves_nothing(
    backend: DockerBackend, engine: Engine
) -> None:
    async with await backend.open() as box:
        assert (await box.python("print(6 * 7)")).text == "42\n"
        assert (await box.exec(["bash", "-c", "echo $((6 * 7)); exit 3"])).exit_code == 3
        await box.write("deep/er/file", b"\x00\xff" * 300_000)
        assert await box.read("deep/er/file") == b"\x00\xff" * 300_000
        assert len(await ours(engine)) == 1
        async with await box.fork() as copy:
            assert await copy.read("deep/er/file") == b"\x00\xff" * 300_000
    assert await ours(engine) == []


async def test_the_container_is_as_closed_as_an_engine_can_close_it(
    backend: DockerBackend, engine: Engine
) -> None:
    async with await backend.open(limits=Limits(memory_bytes=96 * MIB, processes=10)):
        (name,) = await ours(engine)
        found = await engine.inspect(name)
        host = found["HostConfig"]
        assert host["NetworkMode"] == "none"
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert host["Privileged"] is False
        assert not host["Binds"]
        assert host["Memory"] == host["MemorySwap"] == (96 + 32) * MIB
        assert host["PidsLimit"] == 11
        assert found["Config"]["User"] not in ("", "0", "0:0")


async def test_what_a_program_sees_of_itself(backend: DockerBackend) -> None:
    seen = (
        "import json, os\n"
        "status = dict(l.split(':', 1) for l in open('/proc/self/status').read().splitlines())\n"
        "links = os.listdir('/sys/class/net')\n"
        "print(json.dumps({'caps': int(status['CapBnd'], 16), 'seccomp': int(status['Seccomp']),\n"
        "  'nnp': int(status['NoNewPrivs']), 'links': links, 'uid': os.getuid(),\n"
        "  'env': sorted(os.environ), 'files': sorted(map(int, os.listdir('/proc/self/fd')))}))"
    )
    async with await backend.open() as box, await backend.open() as other:
        result = await box.python(seen)
        found = json.loads(result.text)
        assert found["caps"] == 0
        assert found["seccomp"] == 2
        assert found["nnp"] == 1
        assert found["links"] == ["lo"]
        assert found["env"] == ["HOME", "LANG", "PATH", "TMPDIR"]
        assert found["files"][:3] == [0, 1, 2]
        assert len(found["files"]) == 4  # and the one that lists them
        assert found["uid"] >= 20_000
        assert json.loads((await other.python(seen)).text)["uid"] != found["uid"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("open('/proc/1/environ')", "PermissionError"),
        ("import os; os.listdir('/proc/1/fd')", "PermissionError"),
        ("open('/proc/1/mem', 'r+b')", "PermissionError"),
        ("open('/usr/local/x', 'w')", "Read-only file system"),
        ("import socket; socket.create_connection(('192.0.2.1', 80), 2)", "unreachable"),
        ("open('/sys/fs/cgroup/memory/memory.limit_in_bytes', 'w')", "Error"),
    ],
)
async def test_what_is_refused(backend: DockerBackend, code: str, error: str) -> None:
    async with await backend.open() as box:
        result = await box.python(code)
        assert result.outcome is Outcome.RE
        assert error in result.error_text


async def test_no_signal_of_a_program_ends_its_supervisor(backend: DockerBackend) -> None:
    async with await backend.open() as box:
        kills = (
            "import os\nfor s in range(1, 65):\n    try:\n        os.kill(1, s)\n"
            "    except PermissionError:\n        assert s == 31  # SIGSYS: the filter's alone\n"
            "print('alive')"
        )
        assert (await box.python(kills)).text == "alive\n"
        assert (await box.python("print('next')")).text == "next\n"


async def test_a_program_cannot_set_its_supervisors_limits(backend: DockerBackend) -> None:
    code = "import resource\nresource.prlimit(1, resource.RLIMIT_CPU, (0, 0))"
    async with await backend.open() as box:
        result = await box.python(code)
        assert result.outcome is Outcome.RE
        assert "PermissionError" in result.error_text
        assert (await box.python("print('next')")).text == "next\n"


async def test_a_supervisor_that_goes_by_itself_is_its_programs_doing(
    backend: DockerBackend, engine: Engine
) -> None:
    async with await backend.open(limits=Limits(wall_s=30)) as box:
        (name,) = await ours(engine)
        running = asyncio.create_task(box.python("import time; time.sleep(20)"))
        await asyncio.sleep(0.3)
        pid = (await engine.inspect(name))["State"]["Pid"]
        try:
            os.kill(pid, signal.SIGKILL)  # as the kernel would, without the engine's doing
        except PermissionError:
            running.cancel()
            pytest.skip("only root ends another user's process")
        assert (await running).outcome is Outcome.RE
    assert await ours(engine) == []


async def test_memory_that_no_process_owns_is_memory_too(backend: DockerBackend) -> None:
    small = Limits(memory_bytes=32 * MIB, disk_bytes=256 * MIB, wall_s=60, cpu_s=60)
    fills = "data = bytes(1 << 20)\nwith open('f', 'wb') as f:\n    while True: f.write(data)"
    async with await backend.open(limits=small) as box:
        result = await box.python(fills, limits=Limits(file_bytes=256 * MIB, wall_s=60, cpu_s=60))
        assert result.outcome is Outcome.MLE


async def test_a_warm_container_is_there_before_it_is_asked_for(
    engine_answers: None, engine: Engine
) -> None:
    async with DockerBackend(warm=1) as backend:
        async with await backend.open():
            pass
        await until(lambda: len(backend._ready) == 1)
        (ready,) = await ours(engine)
        async with await backend.open() as box:
            assert ready in await ours(engine)
            assert (await box.python("print(1)")).ok
        await until(lambda: len(backend._ready) == 1)
        (dead,) = await ours(engine)
        await engine.remove(dead)
        await until(lambda: backend._ready[0].link.closed)
        async with await backend.open() as box:
            assert (await box.python("print(2)")).ok
    assert await ours(engine) == []


async def test_many_start_at_once_beside_what_is_still_to_be_tidied(
    engine_answers: None, engine: Engine
) -> None:
    async with DockerBackend(warm=2) as backend:
        backend._stale |= {"envgym-was-here", "envgym-and-here"}
        boxes = await asyncio.gather(*(backend.open() for _ in range(6)))
        results = await asyncio.gather(*(box.python("print(1)") for box in boxes))
        assert [result.text for result in results] == ["1\n"] * 6
        assert backend._stale == set()
    assert await ours(engine) == []


@pytest.mark.parametrize("step", ["create", "attach", "start"])
async def test_a_start_that_is_cancelled_leaves_nothing(
    engine_answers: None, engine: Engine, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    begun, real = asyncio.Event(), getattr(Engine, step)

    async def told(self: Engine, *args: Any) -> Any:
        begun.set()
        return await real(self, *args)

    monkeypatch.setattr(Engine, step, told)
    async with DockerBackend() as backend:
        task = asyncio.create_task(backend.open())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await ours(engine) == []


async def test_an_operator_who_removes_a_box_is_no_program_of_it(
    backend: DockerBackend, engine: Engine
) -> None:
    async with await backend.open() as box:
        (name,) = await ours(engine)
        running = asyncio.create_task(box.python("import time; time.sleep(30)"))
        await asyncio.sleep(0.3)
        await engine._call("POST", f"/containers/{name}/kill")
        with pytest.raises(Fault):
            await running
    assert await ours(engine) == []


async def test_an_image_that_is_not_there_is_named(engine_answers: None) -> None:
    async with DockerBackend("envgym/no-such-image") as backend:
        with pytest.raises(UsageError, match=r"no image 'envgym/no-such-image'.*make images"):
            await backend.open()


async def test_no_engine_is_a_fault_that_names_the_socket(tmp_path: object) -> None:
    async with DockerBackend(socket=f"{tmp_path}/none.sock") as backend:
        with pytest.raises(Fault, match=r"none\.sock"):
            await backend.open()


_OWNER_PROGRAM = """
import asyncio, sys
from envgym.sandboxes.backends.docker.backend import DockerBackend

async def main():
    backend = DockerBackend(warm=1)
    box = await backend.open()
    print("open", flush=True)
    await box.python("import time; time.sleep(600)")

asyncio.run(main())
"""


async def test_boxes_of_a_killed_owner_end_and_are_reaped(
    engine_answers: None, engine: Engine
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _OWNER_PROGRAM), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"open\n"
        name = owner(process.pid)
        assert not is_dead(name)
        assert await engine.list(f"{OWNER}={name}")
    finally:
        process.kill()
        await process.wait()
    assert is_dead(name)
    for _ in range(100):  # its programs end with it, whether or not anybody looks
        states = {c["State"] for c in await engine.list(f"{OWNER}={name}")}
        if "running" not in states:
            break
        await asyncio.sleep(0.1)
    assert "running" not in states
    async with DockerBackend() as backend, await backend.open():
        assert await engine.list(f"{OWNER}={name}") == []
        assert all(not is_dead(c["Labels"][OWNER]) for c in await engine.list(SANDBOX))
