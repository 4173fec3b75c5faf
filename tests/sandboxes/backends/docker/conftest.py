"""A real engine, where one answers: tests start none. Without it theirs are skipped by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from envgym.errors import EnvgymError
from envgym.sandboxes.backends.docker.backend import IMAGE, DockerBackend
from envgym.sandboxes.backends.docker.engine import Engine
from tests.machine import need


async def _why_not() -> str:
    engine = Engine()
    try:
        await engine.version()
        await engine.image(IMAGE)
    except EnvgymError as error:
        return str(error)
    finally:
        await engine.close()
    return ""


@pytest.fixture(scope="session")
def engine_answers() -> None:
    if problem := asyncio.run(_why_not()):
        need(False, f"docker sandboxes: {problem} (start dockerd, then make images)")


@pytest.fixture
async def engine(engine_answers: None) -> AsyncIterator[Engine]:
    engine = Engine()
    yield engine
    await engine.close()


@pytest.fixture
async def backend(engine_answers: None) -> AsyncIterator[DockerBackend]:
    async with DockerBackend() as backend:
        yield backend
