"""A service in this process or one of its own, and a client that says what no honest one would."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from envgym.sandboxes import open_backend
from envgym.sandboxes.service.config import ServiceConfig
from envgym.sandboxes.service.protocol import FRAME, read_frame
from envgym.sandboxes.service.serve import serve
from envgym.sandboxes.supervisor.streams.frames import Frame, pack

TOKEN = "a-token-of-the-tests"
OTHER = "another-token-of-theirs"


@dataclass
class Client:
    """Sends requests as they are, and tells what came back."""

    url: str
    token_file: Path
    http: aiohttp.ClientSession

    async def send(
        self,
        path: str,
        header: dict[str, Any] | None = None,
        *parts: bytes,
        method: str = "POST",
        token: str = TOKEN,
        body: Any = None,
        kind: str = FRAME,
        id: str = "",
    ) -> tuple[int, Any]:
        """Status, and the answer: a frame's header and parts, or JSON."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        if id:
            headers["X-Request-ID"] = id
        data = body if header is None else pack(header, *parts)
        async with self.http.request(
            method, self.url + path, data=data, headers=headers
        ) as response:
            if response.content_type == FRAME:
                return response.status, read_frame(await response.read())
            if response.content_type == "application/json":
                return response.status, await response.json()
            return response.status, await response.text()

    async def python(self, code: str, path: str = "/v1/run", **more: Any) -> tuple[int, Any]:
        """Run Python in a box of its own, or in one that is held."""
        header = {"language": "python"} if path == "/v1/run" else {}
        return await self.send(path, header, b"", code.encode(), **more)

    async def open(self, **more: Any) -> str:
        """A new box's path."""
        status, answer = await self.send("/v1/boxes", {}, **more)
        assert status == 200, answer
        return f"/v1/boxes/{answer[0]['box']}"

    async def metric(self, name: str) -> float:
        """A metric's value, by its name and labels."""
        _, text = await self.send("/metrics", method="GET")
        found = [line for line in text.splitlines() if line.startswith(name + " ")]
        return float(found[0].split()[-1]) if found else 0.0

    async def until_idle(self) -> None:
        """Wait until nothing is in progress and no box is in use."""
        names = (
            "envgym_sandbox_boxes",
            "envgym_sandbox_requests_in_progress",
            'envgym_sandbox_pool_boxes{state="leased"}',
        )
        async with asyncio.timeout(10):
            while any([await self.metric(name) for name in names]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def stdout(answer: Frame) -> bytes:
    """What a program wrote."""
    return answer[1][0]


def write_tokens(folder: Path) -> Path:
    """A token file with two owners."""
    file = folder / "tokens"
    file.write_text(f"# who may ask\nalice {TOKEN}\n{OTHER}\n")
    return file


@asynccontextmanager
async def service(folder: Path, *, config: ServiceConfig, **more: Any) -> AsyncIterator[Client]:
    """A service in this process, over plain child processes."""
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    tokens = write_tokens(folder)
    options = {"size": 0, "most": 4, **more}
    running = asyncio.create_task(
        serve(open_backend("unsafe"), tokens, config=config, ready=address.set_result, **options)
    )
    await asyncio.wait([running, address], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    async with aiohttp.ClientSession() as http:
        yield Client(address.result(), tokens, http)
    running.cancel()
    await asyncio.wait([running])


@asynccontextmanager
async def program(
    folder: Path, *arguments: str
) -> AsyncIterator[tuple[Client, asyncio.subprocess.Process]]:
    """The service as the command starts it."""
    tokens = write_tokens(folder)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from envgym.cli import main; main()", "sandbox", "serve"),
        *("--backend", "unsafe", "--port", "0", "--token-file", str(tokens), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=(folder / "log").open("ab"),
        env={**os.environ, "TMPDIR": str(folder)},
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        async with aiohttp.ClientSession() as http:
            yield Client(line.decode().strip(), tokens, http), process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs: one that is only waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def sleeper(file: Path, seconds: int = 60) -> str:
    """A program that tells its process id and its child's, and sleeps with it."""
    return (
        "import os, subprocess, time\n"
        f"child = subprocess.Popen(['sleep', '{seconds}'])\n"
        f"open({str(file)!r} + '.part', 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(file)!r} + '.part', {str(file)!r})\n"
        f"time.sleep({seconds})\n"
    )


async def pids(file: Path) -> list[int]:
    """The process ids that a sleeper told."""
    await until(file.exists)
    return [int(pid) for pid in await asyncio.to_thread(lambda: file.read_text().split())]
