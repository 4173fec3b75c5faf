"""Files: write, read, and the working directory as a whole."""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress

from envgym.errors import UsageError
from envgym.sandboxes.base import Denied, Sandbox
from envgym.sandboxes.limits import MIB
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import (
    require,
    require_error,
    require_outcome,
    require_within,
)

OK, RE = Outcome.OK, Outcome.RE


async def _comes_back(box: Sandbox, path: str, data: bytes) -> None:
    await box.write(path, data)
    require(await box.read(path) == data, f"{path!r} came back other than it was written")


async def contents_come_back(box: Sandbox) -> None:
    for data in (b"", b" ", b"text\n", b"\xc3\x28", bytes(range(256)), "✨☽🚀".encode(), b"\r\n\0"):
        await _comes_back(box, "file", data)


async def large_files_come_back(box: Sandbox) -> None:
    await _comes_back(box, "large", b"\xc3" * 5_000_000)
    await _comes_back(box, "larger", bytes(range(256)) * (12 * MIB // 256))


async def names_may_be_odd(box: Sandbox) -> None:
    odd = ("a b", "ünï ☽", "-rf", "*", "$(id)", "'\"", "a\nb", ".hidden", "...", "x" * 255, "a\\b")
    for name in odd:
        await _comes_back(box, name, name.encode())
    result = require_outcome(await box.python("import os; print(len(os.listdir('.')))"), OK)
    require(result.text == f"{len(odd)}\n", "files are missing", result)


async def folders_are_made(box: Sandbox) -> None:
    await _comes_back(box, "a/b/c/d", b"deep")
    await _comes_back(box, "a/b/other", b"beside")
    require_outcome(await box.exec(["cat", "a/b/c/d"]), OK, text="deep")


async def files_are_replaced(box: Sandbox) -> None:
    await box.write("file", b"long content")
    await _comes_back(box, "file", b"short")
    await _comes_back(box, "file", b"")


async def programs_see_them(box: Sandbox) -> None:
    await box.write("in", b"\0\xffdata")
    require_outcome(await box.exec(["sh", "-c", "cp in out && echo more >> out"]), OK)
    require(await box.read("out") == b"\0\xffdatamore\n", "a program's file came back otherwise")
    require_outcome(
        await box.exec(["sh", "-c", "echo x >> in && rm in && mkdir -p d/e && touch d/e/f"]), OK
    )
    require(await box.read("d/e/f") == b"", "an empty file came back otherwise")


async def missing_files_are_told(box: Sandbox) -> None:
    for path in ("missing", "missing/deeper", "https:/example.org/wiki/x", "%2e%2e"):
        error = await require_error(box.read(path), UsageError)
        require(not isinstance(error, Denied), f"{path} is missing, not denied")
        require(path.split("/")[0] in str(error), f"the error does not name {path}: {error}")


async def folders_are_no_files(box: Sandbox) -> None:
    await box.write("folder/file", b"x")
    await require_error(box.read("folder"), UsageError)
    await require_error(box.write("folder", b"x"), UsageError)
    await require_error(box.write("folder/file/below", b"x"), UsageError)
    await require_error(box.read("folder/file/below"), UsageError)
    require(await box.read("folder/file") == b"x", "a refused call did something")


async def forbidden_files_are_no_fault(box: Sandbox) -> None:
    await box.write("file", b"secret")
    require_outcome(await box.exec(["chmod", "0", "file"]), OK)
    try:
        require(await box.read("file") == b"secret", "it came back otherwise")
        await box.write("file", b"new")
    except UsageError:
        pass
    require_outcome(await box.exec(["true"]), OK)


async def a_read_has_a_limit(box: Sandbox) -> None:
    await box.write("file", bytes(2048))
    require(
        len(await box.read("file", limit=2048)) == 2048, "a file of just the limit is not whole"
    )
    await require_error(box.read("file", limit=2047), UsageError)
    await require_error(box.read("file", limit=0), UsageError)
    await box.write("empty", b"")
    require(await box.read("empty", limit=0) == b"", "an empty file is not empty")
    await box.exec(["truncate", "-s", "20M", "sparse"])
    await require_error(box.read("sparse"), UsageError)


async def names_must_stay_inside(box: Sandbox) -> None:
    for path in ("../x", "a/../../x", "/etc/passwd", "/x", "../../../../etc/passwd", ".."):
        await require_error(box.read(path), Denied, UsageError)
        await require_error(box.write(path, b"x"), Denied, UsageError)
    for path in ("../x", "/etc/passwd"):
        await require_error(box.read(path), Denied)
        await require_error(box.write(path, b"x"), Denied)
    for path in ("", ".", "a\0b", "x" * 256, "/".join("x" * 3000)):
        await require_error(box.read(path), UsageError)
        await require_error(box.write(path, b"x"), UsageError)


async def links_are_not_read(box: Sandbox) -> None:
    code = "ln -s /etc/passwd out; echo x > file; ln -s file in; ln -s / root; ln -s gone dangling"
    require_outcome(await box.exec(["sh", "-c", code]), OK)
    for path in ("out", "in", "root/etc/passwd"):
        await require_error(box.read(path), Denied)
    await require_error(box.read("dangling"), UsageError)


async def pipes_do_not_hang(box: Sandbox) -> None:
    require_outcome(await box.exec(["mkfifo", "pipe"]), OK)
    await require_error(box.read("pipe"), Denied)
    async with require_within("writing where a pipe is"):
        with suppress(UsageError):
            await box.write("pipe", b"x")
    require_outcome(await box.exec(["true"]), OK)


async def files_come_while_programs_run(box: Sandbox) -> None:
    session = await box.shell()
    for number in range(5):
        await box.write("file", str(number).encode())
        require_outcome(await session.run("cat file; echo > seen"), OK, text=str(number))
        require(await box.read("seen") == b"\n", "a session's file came back otherwise")


async def a_snapshot_is_a_tar(box: Sandbox) -> None:
    await box.write("a/b", b"data")
    await box.write("empty", b"")
    code = "mkdir folder; chmod 755 a/b; ln -s a/b inner; ln -s /etc/passwd out; mkfifo pipe"
    require_outcome(await box.exec(["sh", "-c", code]), OK)
    async with require_within("a snapshot"):
        data = await box.snapshot()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {member.name.removeprefix("./").rstrip("/"): member for member in archive}
        file = archive.extractfile(members["a/b"])
        require(file is not None and file.read() == b"data", "a file is other than it was")
    require(members["a/b"].mode & 0o111, "a program lost the right to be run")
    require(members["folder"].isdir() and members["inner"].issym(), "a member lost its kind")
    require("pipe" not in members, "a pipe is no file")
    require(all(not name.startswith(("/", "..")) for name in members), f"names: {[*members]}")


async def a_box_without_files_has_a_snapshot(box: Sandbox) -> None:
    copy = await box.fork()
    async with copy:
        require_outcome(await copy.exec(["ls"]), OK, text="")
        await _comes_back(copy, "file", b"x")


async def a_fork_has_the_files(box: Sandbox) -> None:
    await box.write("a/b", b"data")
    await box.write("run.sh", b"#!/bin/sh\necho ran\n")
    require_outcome(
        await box.exec(["sh", "-c", "chmod +x run.sh; ln -s a/b inner; mkdir empty"]), OK
    )
    async with await box.fork() as copy:
        require_outcome(
            await copy.exec(["sh", "-c", "cat inner; ./run.sh; ls -d empty"]),
            OK,
            text="dataran\nempty\n",
        )
        await copy.write("a/b", b"changed")
        require_outcome(await copy.exec(["rm", "run.sh"]), OK)
        require(await box.read("a/b") == b"data", "a fork changed its original")
        await box.write("new", b"x")
        await require_error(copy.read("new"), UsageError)
        async with await copy.fork() as again:
            require(await again.read("a/b") == b"changed", "a fork of a fork has other files")
    require_outcome(await box.exec(["./run.sh"]), OK, text="ran\n")


async def a_fork_leaves_sessions_alone(box: Sandbox) -> None:
    session = await box.shell()
    require_outcome(
        await session.run("x=kept; (while :; do date +%N > alive; sleep 0.02; done) &"), OK
    )
    async with await box.fork() as copy:
        await copy.exec(["rm", "-f", "alive"])
        await copy.exec(["sleep", "0.2"])
        await require_error(copy.read("alive"), UsageError)  # no process there writes it again
    require_outcome(await session.run("echo $x"), OK, text="kept\n")
