"""``docker exec`` of the same interpreter in a running container, by docker-py.

The image is the one that the docker backend's boxes are made from; the interpreter and its packages
are mounted into it, read-only.
"""

from __future__ import annotations

import asyncio
import sys

from programs import NUMPY, PROGRAMS, absent, finish, in_threads, median_ms, rates

import docker

IMAGE = "envgym/base"
FOLDERS = {path: {"bind": path, "mode": "ro"} for path in (sys.prefix, sys.base_prefix)}


async def main() -> None:
    """Measure and print."""
    try:
        client = docker.from_env(max_pool_size=16)
        client.images.get(IMAGE)
    except docker.errors.ImageNotFound:
        absent(f"the engine has no image {IMAGE}")
    except docker.errors.DockerException as error:
        absent(f"no Docker engine answers: {error}")

    def start():
        return client.containers.run(
            IMAGE,
            ["sleep", "infinity"],
            detach=True,
            init=True,
            network_mode="none",
            volumes=FOLDERS,
        )

    container = start()
    try:

        def run(code: str) -> str:
            code, out = container.exec_run([sys.executable, "-I", "-c", code])
            return out.decode() if code == 0 else f"exit code {code}: {out!r}"

        async def one() -> None:
            start().remove(force=True)

        figures = await rates(in_threads(run), PROGRAMS | NUMPY)
        figures["start_ms"] = await median_ms(one, 3)
    finally:
        container.remove(force=True)
    finish(figures)


asyncio.run(main())
