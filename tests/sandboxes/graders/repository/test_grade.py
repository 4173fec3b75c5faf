from __future__ import annotations

import io
import sys
import tarfile

import pytest

from envgym.errors import UsageError
from envgym.sandboxes import Backend, Limits
from envgym.sandboxes.graders.repository import Suite, grade_repository, open_work
from envgym.sandboxes.graders.repository.archive_tree import RegularFile, Symlink, write_tree
from envgym.sandboxes.graders.repository.grade import FORGED
from envgym.sandboxes.graders.verdict import Status, Verdict
from tests.sandboxes.graders.repository.attacks import (
    ATTACKS,
    CALC,
    EXPECTED,
    MENDED,
    PRISTINE,
    TESTS,
    Change,
)

QUICK = Limits(wall_s=20.0, cpu_s=4.0, output_bytes=1 << 20)
CAUGHT_BY_DECOYS = {
    name
    for name in ATTACKS
    if name.startswith(("57", "63", "64", "69 the nonce from memory, then", "69 a reporter"))
}


def archive(*changes: Change) -> bytes:
    merged = {path: content for change in changes for path, content in change.items()}
    return write_tree(
        {
            path: Symlink(content[0])
            if isinstance(content, tuple)
            else RegularFile(content.encode())
            for path, content in merged.items()
            if content is not None
        }
    )


SUITE = Suite(archive(PRISTINE), EXPECTED)


async def graded(backend: Backend, *changes: Change, suite: Suite = SUITE) -> Verdict:
    return await grade_repository(backend, suite, archive(PRISTINE, *changes), limits=QUICK)


async def test_a_mended_repository_passes(backend: Backend) -> None:
    verdict = await graded(backend, {"calc.py": MENDED, "notes/new.md": "why"})
    assert verdict.passed, verdict
    assert verdict.passes == verdict.expected == 4


async def test_a_repository_that_was_worked_on_in_a_box(backend: Backend) -> None:
    async with await open_work(backend, SUITE) as box:
        seen = await box.exec(["find", ".", "-name", ".git*"])
        assert seen.text == ""  # 95: no history, so no later commit
        await box.write("calc.py", MENDED.encode())
        verdict = await grade_repository(backend, SUITE, await box.snapshot(), limits=QUICK)
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", ATTACKS)
async def test_attacks_do_not_pass(backend: Backend, name: str) -> None:
    verdict = await graded(backend, ATTACKS[name])
    assert not verdict.passed
    assert verdict.fraction < 1
    assert (verdict.error == FORGED) == (name in CAUGHT_BY_DECOYS)


@pytest.mark.parametrize(
    "name", ["98 a pytest of its own", "53 conftest that forges reports", "94 tests removed"]
)
async def test_what_may_not_change_changes_nothing(backend: Backend, name: str) -> None:
    assert (await graded(backend, ATTACKS[name], {"calc.py": MENDED})).passed


async def test_plugins_are_loaded_by_name(backend: Backend) -> None:
    test = "async def test_later():\n    from calc import half\n    assert half(3) == 1.5\n"
    change: Change = {"test_later.py": test, "pytest.ini": "[pytest]\nasyncio_mode = auto\n"}
    for plugins in ((), ("pytest_asyncio.plugin",)):
        pristine = archive(PRISTINE, change)
        suite = Suite(pristine, ["test_later.py::test_later"], plugins=plugins)
        work = archive(PRISTINE, change, {"calc.py": MENDED})
        verdict = await grade_repository(backend, suite, work, limits=QUICK)
        assert verdict.passed == bool(plugins)


async def test_another_interpreter(backend: Backend) -> None:
    suite = Suite(archive(PRISTINE), EXPECTED, python=(sys.executable,))
    assert (await graded(backend, {"calc.py": MENDED}, suite=suite)).passed
    assert not (await graded(backend, ATTACKS["98 a pytest of its own"], suite=suite)).passed


async def test_hidden_tests_are_laid_over(backend: Backend) -> None:
    hidden = (
        "from calc import half\n\ndef test_zero():\n    assert half(0) == 0\n"
        "    assert half(5) == 2.5\n"
    )
    suite = Suite(
        archive(PRISTINE),
        ["tests/test_hidden.py::test_zero"],
        {"tests/test_hidden.py": hidden.encode()},
        hidden=True,
    )
    planted: Change = {"tests/test_hidden.py": "def test_zero(): pass\n"}
    verdict = await graded(backend, planted, suite=suite)
    assert not verdict.passed
    assert "2.5" not in verdict.feedback()
    assert (await graded(backend, planted, {"calc.py": MENDED}, suite=suite)).passed


async def test_feedback_tells_what_counted_for_nothing(backend: Backend) -> None:
    text = (await graded(backend, ATTACKS["94 tests edited"])).feedback()
    assert "tests/test_calc.py" in text
    assert "assert" in text


async def test_limits_are_typed(backend: Backend) -> None:
    verdict = await graded(backend, ATTACKS["102 endless"])
    assert {case.status for case in verdict.cases} == {Status.TLE}


async def test_a_suite_expects_something(backend: Backend) -> None:
    for suite in (Suite(archive(PRISTINE), []), Suite(archive(PRISTINE), EXPECTED[:1] * 2)):
        with pytest.raises(UsageError, match="expects"):
            await graded(backend, suite=suite)
    with pytest.raises(UsageError, match="pristine"):
        await graded(backend, suite=Suite(b"no archive" * 100, EXPECTED))


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path in name.split("|"):
            info = tarfile.TarInfo(path)
            info.type, info.linkname = kind, link
            info.size = len(data) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (b"", "no tar archive"),
        (b"\x1f\x8b" + b"0" * 2000, "no tar archive"),
        (member("../calc.py"), "path"),
        (member("/etc/passwd"), "path"),
        (member("a/../../b"), "path"),
        (member("a//b"), "path"),
        (member("a\\b"), "path"),
        (member("x" * 500), "path"),
        (member("x" * 300), "path"),
        (member("calc.py|calc.py"), "twice"),
        (member("a|a/b"), "under a file"),
        (member("calc.py", tarfile.LNKTYPE, "/etc/passwd"), "neither"),
        (member("calc.py", tarfile.CHRTYPE), "neither"),
        (member("calc.py", tarfile.FIFOTYPE), "neither"),
        (member("calc.py", tarfile.SYMTYPE, "/etc/passwd"), "link"),
        (member("new.py", tarfile.SYMTYPE, "README.md"), "link"),
        (member("calc.py", data=b"x" * 4000)[:1024], "archive"),
    ],
)
async def test_archives_that_are_no_change_are_refused(
    backend: Backend, work: bytes, words: str
) -> None:
    verdict = await grade_repository(backend, SUITE, work, limits=QUICK)
    assert not verdict.passed
    assert words in verdict.feedback()


async def test_the_broken_repository_fails_its_tests(backend: Backend) -> None:
    verdict = await graded(backend)
    assert [case.status for case in verdict.cases] == [Status.WRONG] * 4
    assert CALC != MENDED
    assert "def test_half" in TESTS
