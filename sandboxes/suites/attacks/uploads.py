"""Attacks on the host's own file calls, by prepared folders."""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress
from typing import Any

from envgym.errors import UsageError
from envgym.sandboxes.base import Denied, Sandbox
from envgym.sandboxes.limits import MIB
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import (
    OPENED_S,
    CaseFailed,
    require,
    require_error,
    require_outcome,
    require_within,
)
from envgym.sandboxes.suites.attack_context import SMALL, AttackContext
from envgym.sandboxes.suites.attacks.attack import Attack, scene

OK = Outcome.OK

ATTACKS: list[Attack] = []


@scene(ATTACKS, 24, "links where the host reads a result", ends="Denied")
async def links_in_downloads(context: AttackContext) -> None:
    code = """
os.symlink(HOST["canaries"][0], "direct")
os.symlink(os.path.dirname(HOST["canaries"][0]), "folder")
os.symlink("direct", "twice")
os.symlink("../" * 40 + HOST["canaries"][0], "relative")
os.symlink("/proc/self/environ", "own")
os.symlink("/proc/self/root" + HOST["canaries"][0], "root")
os.symlink("/proc/self/fd/0", "descriptor")
os.symlink("/etc/passwd", "passwd")
os.mkdir("inner"); os.symlink("../..", "inner/up")
safe("linked")
"""
    await context.python(code, says=["SAFE"])
    box = await context.box()
    for path in ("direct", "folder/secret", "twice", "relative", "own", "root", "descriptor"):
        await require_error(box.read(path), Denied, UsageError)
    for path in ("passwd", "inner/up/etc/passwd"):
        await require_error(box.read(path), Denied)


@scene(ATTACKS, 26, "links where the host writes a file", ends="Denied, nothing written")
async def links_in_uploads(context: AttackContext) -> None:
    code = """
os.symlink(HOST["canaries"][0], "direct")
os.symlink(os.path.dirname(HOST["canaries"][0]), "folder")
os.symlink(os.path.dirname(HOST["canaries"][0]) + "/" + TOKEN, "dangling")
os.symlink("/", "root"); os.symlink("/tmp", "tmp")
safe("linked")
"""
    await context.python(code, says=["SAFE"])
    box = await context.box()
    for path in (f"folder/{context.token}", f"tmp/{context.token}", f"root/tmp/{context.token}"):
        await require_error(box.write(path, b"x"), Denied)
    for path in ("direct", "dangling"):  # the link may be replaced, but never followed
        try:
            await box.write(path, b"x")
        except UsageError:
            continue
        require(await box.read(path) == b"x", f"what was written to {path} is elsewhere")


@scene(ATTACKS, 26, "names that lead out of the working folder", ends="Denied or refused")
async def names_that_lead_out(context: AttackContext) -> None:
    box = await context.box()
    out = f"{context.host.temporary}/{context.token}"
    outside = (f"../{context.token}", f"../../tmp/{context.token}", f"a/../../{context.token}", out)
    for path in (*outside, f"./../{context.token}", f"a//../..//{context.token}", "/etc/passwd"):
        await require_error(box.write(path, b"x"), Denied)
        await require_error(box.read(path), Denied)
    for path in ("", ".", "..", "/", "a\0b", "\0", "x" * 256, "a/" * 3000 + "b"):
        await require_error(box.write(path, b"x"), UsageError)
        await require_error(box.read(path), UsageError)


@scene(ATTACKS, 25, "swaps a folder for a link while the host reads and writes", ends="Denied")
async def swapped_while_read(context: AttackContext) -> None:
    code = """
os.mkdir("new"); open("new/secret", "w").write("mine"); os.rename("new", "a")  # whole at once
os.symlink(os.path.dirname(HOST["canaries"][0]), "b")
safe("swaps", sys.stdout.flush())
ends = time.monotonic() + 1.5
while time.monotonic() < ends:
    LIBC.renameat2(-100, b"a", -100, b"b", 2)
"""
    box = await context.box()
    swapping = context.start(context.python(code, says=["SAFE"]))
    own = 0
    while not swapping.done():
        try:
            data = await box.read("a/secret")
            require(
                data == b"mine" or data.startswith(b"new"), f"the host was made to read {data!r}"
            )
            own += 1
            await box.write("a/secret", b"new")
            await box.write(f"a/{context.token}", b"new")
        except UsageError:
            continue
    await swapping
    require(own > 0, "the race never ran: no read of the program's own file")


@scene(ATTACKS, 27, "a hard link to a file of the host, to be read for it", ends="refused")
async def hard_links(context: AttackContext) -> None:
    code = """
theirs = ["/etc/passwd", "/etc/shadow", "/proc/self/environ"]
for number, path in enumerate([*HOST["canaries"], *theirs]):
    try: os.link(path, f"hard-{number}")
    except OSError as error: safe(path, error)
"""
    await context.python(code)
    box = await context.box()
    for number in range(len(context.host.canaries)):
        await require_error(box.read(f"hard-{number}"), UsageError)


@scene(ATTACKS, 27, "pipes and sockets where a result should be", ends="Denied, and no hang")
async def no_regular_files(context: AttackContext) -> None:
    code = """
os.mkfifo("pipe")
try: socket.socket(socket.AF_UNIX).bind("socket")
except OSError: open("socket", "w").close()  # where there are no sockets
os.mkdir("folder")
try: os.mknod("device", stat.S_IFCHR | 0o666, os.makedev(1, 5))
except OSError: pass
safe("made", os.listdir("."))
"""
    await context.python(code, says=["SAFE"])
    box = await context.box()
    async with require_within("a snapshot of what is no file"):
        data = await box.snapshot()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
    special = {"pipe", "device"} & {name.removeprefix("./") for name in names}
    require(not special, f"the snapshot has {special}")
    for path in ("pipe", "folder"):
        await require_error(box.read(path), UsageError)
    for path in ("pipe", "socket", "device", "folder"):
        async with require_within(f"writing to a {path}"):
            with suppress(UsageError):
                await box.write(path, b"x" * MIB)


@scene(ATTACKS, 25, "a pipe that replaces a file between look and read", ends="no hang")
async def pipe_instead(context: AttackContext) -> None:
    code = """
open("new", "w").write("mine"); os.rename("new", "a"); os.mkfifo("b")
safe("swaps", sys.stdout.flush())
ends = time.monotonic() + 1
while time.monotonic() < ends: LIBC.renameat2(-100, b"a", -100, b"b", 2)
"""
    box = await context.box()
    swapping = context.start(context.python(code, says=["SAFE"]))
    while not swapping.done():
        async with require_within("reading what may be a pipe"):
            try:
                require(await box.read("a") == b"mine", "something else was read")
            except UsageError:
                continue
    await swapping


@scene(ATTACKS, 27, "a file that grows while the host reads it", ends="refused past the limit")
async def grows_while_read(context: AttackContext) -> None:
    code = """
safe("grows", sys.stdout.flush())
ends = time.monotonic() + 1
while time.monotonic() < ends:
    with open("file", "wb", 0) as file:
        for _ in range(16): file.write(b"x" * 65536)
"""
    box = await context.box()
    growing = context.start(context.python(code, says=["SAFE"]))
    while not growing.done():
        try:
            data = await box.read("file", limit=MIB // 2)
            require(len(data) <= MIB // 2, f"{len(data)} bytes were read past the limit")
        except UsageError:
            continue
    await growing


def _tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", **more: Any
) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, link, 0o644
    for key, value in more.items():
        setattr(member, key, value)
    return member


def _file(name: str, data: bytes = b"x", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    return _member(name, size=len(data), **more), data


async def _kept_out(context: AttackContext, archive: bytes) -> None:
    """Check that a hostile snapshot is refused, or makes a sandbox from which nothing leads out."""
    async with require_within("a box from a hostile archive", 20):
        try:
            box = await context.another(snapshot=archive)
        except UsageError:
            return
        await _leads_nowhere(context, box)
        await box.close()


async def _leads_nowhere(context: AttackContext, box: Sandbox) -> None:
    code = """
for folder, folders, files in os.walk("."):
    for name in folders + files:
        path = os.path.join(folder, name)
        status = os.lstat(path)
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode): leak("a device", path)
        if status.st_mode & 0o6000: leak("a setuid file", path)
        try: found = open(path, "rb").read(4096) if stat.S_ISREG(status.st_mode) else b""
        except OSError: continue
        if HOST["prefix"].encode() in found or b"root:" in found: leak("a file of the host", path)
safe("looked")
"""
    await context.python(code, box=box, says=["SAFE"])
    for path in ("link/secret", "link/passwd", "hard", "a/secret"):
        try:
            data = await box.read(path)
        except UsageError:
            continue
        require(b"root:" not in data, "the host was made to read its own file")


@scene(ATTACKS, 28, "archives whose members lead out", ends="Denied, or harmless")
async def archives_that_lead_out(context: AttackContext) -> None:
    canary = context.host.canaries[0]
    out, sym, hard = str(canary.parent), tarfile.SYMTYPE, tarfile.LNKTYPE
    for members in (
        [_file(f"../{context.token}")],
        [_file(f"a/../../{context.token}")],
        [_file(f"/tmp/{context.token}")],
        [_file(f"{out}/{context.token}")],
        [(_member("link", sym, out), b""), _file(f"link/{context.token}")],
        [(_member("link", sym, out), b""), _file("link/secret", b"overwritten")],
        [(_member("link", sym, str(canary)), b""), _file("link", b"overwritten")],
        [(_member("hard", hard, str(canary)), b"")],
        [(_member("hard", hard, "../../../../etc/passwd"), b"")],
        [(_member("hard", hard, str(canary)), b""), _file("hard", b"overwritten")],
        [(_member("link", sym, ".."), b""), (_member("hard", hard, "link/../etc/passwd"), b"")],
        [(_member(".", sym, "/"), b""), _file(f"tmp/{context.token}")],
        [_file("a"), _file("a/secret"), (_member("a", sym, out), b"")],
    ):
        await _kept_out(context, _tar(*members))


@scene(ATTACKS, 28, "archives with devices, pipes, setuid files", ends="Denied, or harmless")
async def archives_with_devices(context: AttackContext) -> None:
    for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE, b"D", b"V"):
        await _kept_out(context, _tar((_member("x", kind, devmajor=1, devminor=1), b"")))
    await _kept_out(context, _tar(_file("setuid", mode=0o6777), _file("shut", mode=0)))
    await _kept_out(
        context, _tar(_file("owned", uid=0, gid=0, uname="root"), _file("x", uid=2**31))
    )


@scene(ATTACKS, 28, "archive bombs: sizes that lie, endless members", ends="refused, or bounded")
async def archive_bombs(context: AttackContext) -> None:
    many = _tar(*(_file(f"{number}", b"") for number in range(5_000)))
    await _kept_out(context, many)
    liar = bytearray(_tar(_file("big", b"x" * 512)))
    liar[124:136] = b"77777777777\0"  # eight gigabytes, says the header
    liar[148:156] = b"%06o\0 " % (256 + sum(liar[:148]) + sum(liar[156:512]))
    await _kept_out(context, bytes(liar))
    sparse = _file("sparse", b"1\n0\n512\n" + bytes(504) + b"x" * 512)
    sparse[0].pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "sparse",
        "GNU.sparse.realsize": str(1 << 40),
    }
    await _kept_out(context, _tar(sparse))
    heavy = _file("heavy")
    heavy[0].pax_headers = {"comment": "x" * (4 * MIB), "path": "a/" * 5000 + "b"}
    await _kept_out(context, _tar(heavy))
    await _kept_out(context, _tar(*(_file("twice", b"x" * 900_000) for _ in range(12))))
    await _kept_out(context, _tar(*(_file(f"f{i}", b"x" * 900_000) for i in range(12))))
    await _kept_out(context, _tar(_file("too-long", b"x" * (2 * MIB))))
    await _kept_out(context, _tar(_file("d/" * 400 + "deep")))


@scene(ATTACKS, 28, "bytes that are no archive", ends="refused")
async def archives_of_garbage(context: AttackContext) -> None:
    whole = _tar(_file("a", b"x" * 4096))
    for data in (b"x", bytes(range(256)) * 40, b"\x1f\x8b" + bytes(512), b"PK\3\4" + bytes(600)):
        await require_error(context.another(snapshot=data), UsageError, seconds=OPENED_S)
    for cut in (100, 512, 1000):
        await require_error(context.another(snapshot=whole[:cut]), UsageError, seconds=OPENED_S)


@scene(ATTACKS, 28, "a folder that makes a snapshot too large", ends="refused, memory bounded")
async def snapshot_bomb(context: AttackContext) -> None:
    code = """
try:
    for number in range(64):
        with open(f"file-{number}", "wb") as file: file.truncate(HOST["limits"]["file_bytes"])
    for number in range(2000): os.link("file-0", f"link-{number}")
except OSError: pass
safe("made")
"""
    await context.python(code, says=["SAFE"])
    async with require_within("a snapshot of it", 10):
        try:
            data = await (await context.box()).snapshot()
        except UsageError:
            return
    require(len(data) < 64 * MIB, f"a box of {SMALL.disk_bytes} bytes gave {len(data)} of snapshot")


@scene(ATTACKS, 24, "links in a snapshot", ends="left out, or as data")
async def links_in_snapshots(context: AttackContext) -> None:
    code = """
os.symlink(HOST["canaries"][0], "direct"); os.symlink("/etc", "folder"); os.symlink("loop", "loop")
os.symlink("..", "up"); open("real", "w").write("x"); os.symlink("real", "inner")
safe("linked")
"""
    await context.python(code, says=["SAFE"])
    box = await context.box()
    data = await box.snapshot()
    require(context.host.secret.encode() not in data, "the host's file is in the snapshot")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            require(not member.name.startswith(("/", "..")), f"a member is called {member.name!r}")
            require(member.isreg() or member.isdir() or member.issym(), f"{member.name} is no file")
    copy = await box.fork()
    try:
        result = await copy.exec(["sh", "-c", "cat real inner"])
        require_outcome(result, OK, text="xx")
        await require_error(copy.read("direct"), UsageError)
    finally:
        await copy.close()


@scene(ATTACKS, 26, "more is uploaded than the box may hold", ends="refused, the box works")
async def oversized_uploads(context: AttackContext) -> None:
    box = await context.box()
    await require_error(box.write("big", bytes(16 * MIB)), UsageError)
    written = 0
    for number in range(16):
        try:
            await box.write(f"file-{number}", bytes(MIB))
            written += 1
        except UsageError:
            break
    if written * MIB > context.limits.disk_bytes:
        raise CaseFailed(
            f"{written} MiB were written to a disk of {context.limits.disk_bytes} bytes"
        )
    require_outcome(await box.exec(["true"]), OK)
