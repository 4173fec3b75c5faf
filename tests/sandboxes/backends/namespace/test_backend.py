"""The backend's arguments, its fork servers, and the probe."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path

import pytest

from envgym.checker.coroutine_probe import cancelled_at
from envgym.errors import UsageError
from envgym.sandboxes import Limits, Outcome
from envgym.sandboxes.backends.namespace.backend import NamespaceBackend
from envgym.sandboxes.backends.namespace.probe import features, tried
from envgym.sandboxes.backends.registry import open_backend
from tests.machine import need


@pytest.fixture(autouse=True)
async def machine() -> None:
    found = await tried("root" if os.geteuid() == 0 else "user")
    need(found.there, found.detail)


def test_modes_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="root, user, landlock or auto"):
        open_backend("namespace", mode="chroot")
    other = "user" if os.geteuid() == 0 else "root"
    with pytest.raises(UsageError, match="take mode"):
        open_backend("namespace", mode=other)


async def test_nothing_stands_in_for_a_mode() -> None:
    async with NamespaceBackend() as backend:
        assert backend.mode == ("root" if os.geteuid() == 0 else "user")
        assert "weaker" not in backend.isolation
    async with NamespaceBackend("landlock") as backend:
        assert "weaker" in backend.isolation


async def test_a_zygote_that_cannot_start_says_why() -> None:
    async with NamespaceBackend(imports=["no_such_module"]) as backend:
        with pytest.raises(UsageError, match="no_such_module"):
            await backend.open()


async def test_imports_are_there_and_drawn_apart() -> None:
    pytest.importorskip("numpy")
    code = (
        "import sys\nseen = 'numpy' in sys.modules\nimport numpy\nprint(seen, numpy.random.rand())"
    )
    async with NamespaceBackend(imports=["numpy", "numpy.random"]) as backend:
        one, other = [(await backend.run_python(code)).text.split() for _ in range(2)]
        assert (one[0], other[0]) == ("True", "True")
        assert one[1] != other[1]
        run = await backend.run_python(
            "import subprocess, sys\nsubprocess.run([sys.executable, "
            "'-c', 'import numpy; print(numpy.ones(2).sum())'])"
        )
        assert run.text == "2.0\n"


async def test_readable_paths_are_there_and_no_others() -> None:
    for path in ("/tmp", "/tmp/", "/box", "/box/x", "/proc/x", "relative", "/", "/opt/../tmp"):
        with pytest.raises(UsageError, match="cannot show"):
            NamespaceBackend(readable=[path])
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as shown,
        tempfile.TemporaryDirectory(dir="/var/tmp") as hidden,
    ):
        for folder in (Path(shown), Path(hidden)):
            folder.chmod(0o755)
            (folder / "file").write_text("x")
        code = f"import os\nprint(os.path.exists('{shown}/file'), os.path.exists('{hidden}/file'))"
        async with NamespaceBackend(readable=[shown]) as backend:
            assert (await backend.run_python(code)).text == "True False\n"
            wrote = await backend.run_python(f"open('{shown}/file', 'w')")
            assert "Read-only file system" in wrote.error_text


def fill(place: Path, *names: str) -> None:
    """Files that anybody may read and write, whose text is their name."""
    place.chmod(0o755)
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
        (place / name).chmod(0o666)


async def test_what_is_readable_below_tmp_is_shown_in_the_boxs_own() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        place = Path(name)
        fill(place, "shown/inner/a", "shown/b", "hidden", "alone", "far/behind/c")
        (place / "link").symlink_to(place / "far")  # absolute: where it leads is not in the box
        readable = [f"{place}/{p}" for p in ("shown/inner", "shown", "alone", "link/behind")]
        code = f"""
import os
for file in ("shown/inner/a", "shown/b", "hidden", "alone", "link/behind/c"):
    try: print(open("{place}/" + file).read())
    except OSError as error: print(error.errno)
    try: open("{place}/" + file, "r+").close()
    except OSError as error: print(error.errno)
open("/tmp/own", "w").write("own")
print({{"own", "{place.name}"}} <= set(os.listdir("/tmp")))
"""
        shown = ["shown/inner/a", "30", "shown/b", "30", "2", "2"]
        shown += ["alone", "30", "far/behind/c", "30", "True"]
        async with NamespaceBackend(readable=readable) as backend:
            assert (await backend.run_python(code)).text.splitlines() == shown
            async with await backend.open() as box:
                assert (await box.python(code)).text.splitlines() == shown
                assert (await box.exec(["ls", "/.own"])).exit_code == 2
                assert await box.snapshot() == await box.snapshot()
        assert (place / "shown/b").read_text() == "shown/b"


async def test_closing_a_box_twice_ends_no_other() -> None:
    async with NamespaceBackend() as backend:
        one = await backend.open()
        await one.close()
        async with await backend.open() as other:
            assert backend.fork_servers == 1  # the same place
            await one.close()
            assert (await other.python("print(1)")).text == "1\n"


async def test_a_fork_server_serves_one_box_after_another_with_limits_of_each() -> None:
    async with NamespaceBackend() as backend:
        for megabytes, outcome in ((64, Outcome.MLE), (400, Outcome.OK), (64, Outcome.MLE)):
            limits = Limits(memory_bytes=megabytes << 20)
            result = await backend.run_python("x = b'x' * (200 << 20)", limits=limits)
            assert result.outcome is outcome
        assert backend.fork_servers == 1
        await asyncio.gather(
            *(backend.run_python("import time; time.sleep(0.3)") for _ in range(3))
        )
        assert backend.fork_servers == 3


async def test_a_cancelled_open_leaves_no_box() -> None:
    async with NamespaceBackend() as backend:
        await backend.run_python("pass")
        for turns in range(6):
            task = asyncio.create_task(backend.open())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            (box,) = await asyncio.gather(task, return_exceptions=True)
            if not isinstance(box, BaseException):
                await box.close()
        assert (await backend.run_python("print(1)")).text == "1\n"


async def test_a_cancelled_first_open_leaves_no_zygote() -> None:
    """Wherever it is cut: a fork server that nobody holds would keep the zygote from ending."""
    for point in range(1, 5):
        backend = NamespaceBackend()
        ended = await cancelled_at(point, backend.open())
        assert (ended.how, ended.cut) == ("cancelled", True)
        await backend.close()


def test_the_probe_looks_at_each_feature(capsys: pytest.CaptureFixture[str]) -> None:
    from envgym.cli.sandbox import probe

    names = [finding.name for finding in features()]
    assert len(names) == len(set(names)) == 7
    probe(as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert [f["name"] for f in said["features"]] == names
    there = {f["name"]: f["there"] for f in said["backends"]}
    assert there["namespace (root)"] != there["namespace (user)"]
    probe()
    assert "explicit choice" in capsys.readouterr().out
