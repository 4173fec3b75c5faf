"""The service over namespace boxes, under the conformance suite and a handful of attacks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envgym.errors import UsageError
from envgym.sandboxes import open_backend
from envgym.sandboxes.suites.attacks import ATTACKS, Attack
from envgym.sandboxes.suites.backend_under_test import BackendUnderTest
from envgym.sandboxes.suites.conformance import CASES, Case
from tests.machine import need

MOST = 48
# What the way to the box could spoil: sizes, links, ends. The rest is the box's own.
FEW = {
    "flood_stdout",
    "stdin_unread",
    "closes_streams",
    "oversized_uploads",
    "links_in_downloads",
    "links_in_uploads",
    "names_that_lead_out",
    "fork_bomb",
    "sessions_without_end",
}


async def crowd(url: str, token: Path) -> None:
    """As many boxes as there may be: what the service keeps of them is no leak of a client's."""
    async with open_backend("remote", url=url, token_file=token) as backend:
        boxes = await asyncio.gather(*(backend.open() for _ in range(MOST)))
        await asyncio.gather(*(box.close() for box in boxes))


@pytest.fixture(scope="module")
def under_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackendUnderTest]:
    """A remote backend, where this machine can have what is behind it."""
    try:
        open_backend("namespace")
    except UsageError as error:
        need(False, f"namespace: {error}")
    folder: Path = tmp_path_factory.mktemp("service")
    token = folder / "token"
    token.write_text("a-token-of-the-tests")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", "from envgym.cli import main; main()", "sandbox", "serve"),
                *("--port", "0", "--token-file", token, "--size", "2", "--most", str(MOST)),
            ],
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().decode().strip()
        asyncio.run(crowd(url, token))
        with BackendUnderTest("remote", url=url, token_file=token) as under_test:
            yield under_test
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_conformance(under_test: BackendUnderTest, case: Case) -> None:
    under_test.conforms(case)


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.id in FEW], ids=lambda a: a.id)
def test_attack(under_test: BackendUnderTest, attack: Attack) -> None:
    under_test.withstands(attack)
