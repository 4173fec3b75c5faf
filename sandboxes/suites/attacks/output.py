"""Attacks by streams: too much output, strange output, and input that is never read."""

from __future__ import annotations

import json

from envgym.sandboxes.limits import MIB
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import PROMPT_S, require, require_outcome, require_within
from envgym.sandboxes.suites.attack_context import SMALL, AttackContext
from envgym.sandboxes.suites.attacks.attack import Attack, scene

OK, OLE, RE = Outcome.OK, Outcome.OLE, Outcome.RE

_LONG = SMALL.model_copy(update={"wall_s": 20, "cpu_s": 20})
_ODD = (
    bytes(range(256)) + b"\xff\xfe\xc3(\xed\xa0\x80\xf0\x9f\x98" + b"\x1b]0;title\x07\x1b[2J\x1b[8m"
)

ATTACKS: list[Attack] = []


async def _floods(context: AttackContext, code: str) -> None:
    """Check for OLE well before the time limit, with no more kept than the limit."""
    async with require_within("the end of a flood", 3 * PROMPT_S):
        result = await context.python(code, OLE)
    most = context.limits.output_bytes
    require(
        max(len(result.stdout), len(result.stderr)) <= most, "more was kept than the limit", result
    )


def _flood(id: str, number: int | None, title: str, code: str) -> None:
    async def act(context: AttackContext) -> None:
        await _floods(context, code)

    ATTACKS.append(Attack(id, number, title, "OLE", act, _LONG))


_flood(
    "flood_stdout",
    6,
    "a gigabyte on standard output",
    "for _ in range(1 << 14): os.write(1, b'x' * 65536)",
)
_flood(
    "flood_stderr",
    7,
    "a gigabyte on standard error while output is idle",
    "for _ in range(1 << 14): os.write(2, b'x' * 65536)",
)
_flood(
    "flood_then_sleep",
    8,
    "twice the limit, then sleep with the pipe full",
    "for _ in range(32): os.write(1, b'x' * 65536)\ntime.sleep(600)",
)
_flood(
    "flood_then_exit",
    6,
    "one byte past the limit, and a quick success",
    "os.write(1, b'x' * HOST['limits']['output_bytes'])\nos.write(1, b'x')",
)
_flood(
    "flood_in_turn",
    7,
    "both streams in turn, a line each",
    "while True: print('x' * 99); print('y' * 99, file=sys.stderr)",
)
_flood(
    "flood_of_children",
    6,
    "children that write while their parent sleeps",
    """
for _ in range(4):
    if os.fork() == 0:
        while True: os.write(1, b"x" * 4096)
time.sleep(600)
""",
)
_flood(
    "flood_by_the_kernel",
    6,
    "a file without end, moved to standard output by the kernel",
    "endless = os.open('/dev/zero', os.O_RDONLY)\nwhile True: os.splice(endless, 1, 65536)",
)
_flood("flood_no_newline", 9, "a single line without end", "while True: print('x' * 8192, end='')")


@scene(ATTACKS, 9, "NUL, broken UTF-8, surrogates, terminal escapes", ends="OK, kept as written")
async def odd_bytes(context: AttackContext) -> None:
    # A four-byte character at every offset round a chunk's edge.
    text = b"".join(b"x" * (65533 + i) + "😀".encode() for i in range(4))
    for payload in (_ODD, text, "\u2028\u202e\ufeff".encode() * 99, b"\r\n\r\n\0\0\0\0"):
        code = "os.write(2, sys.stdin.buffer.peek(1)[:1]); data = sys.stdin.buffer.read()\n"
        code += "while data: data = data[os.write(1, data):]"
        result = await context.python(code, stdin=payload)
        require(result.stdout == payload, "other bytes arrived than were written", result)
        require(json.loads(json.dumps(result.text)) == result.text, "its text is not fit for JSON")
        result.text.encode()


@scene(
    ATTACKS,
    10,
    "100 MB of standard input that nobody reads",
    ends="OK, at once",
    limits=SMALL.model_copy(update={"stdin_bytes": 128 * MIB, "memory_bytes": 512 * MIB}),
)
async def stdin_unread(context: AttackContext) -> None:
    box = await context.box()
    async with require_within("a program that does not read its input", 20):
        require_outcome(await box.exec(["true"], stdin=bytes(100_000_000)), OK)
        await context.python("safe('done')", stdin=bytes(100_000_000), says=["SAFE"])


@scene(ATTACKS, 11, "closes its streams at once and works on", ends="its own exit code")
async def closes_streams(context: AttackContext) -> None:
    code = "os.closerange(0, 3)\ntime.sleep(0.2)\nos._exit(3)"
    result = await context.python(code, RE, stdin=bytes(MIB))
    require(result.exit_code == 3, "its exit code is lost", result)
    require(result.wall_s >= 0.2, "it was not waited for", result)


@scene(ATTACKS, 12, "reads standard input to its end", ends="OK: it has one")
async def stdin_ends(context: AttackContext) -> None:
    await context.box()
    for given in (b"", b"x", b"x" * MIB):
        async with require_within("the end of standard input"):
            result = await context.python("print(len(sys.stdin.buffer.read()))", stdin=given)
        require(result.text == f"{len(given)}\n", "it read something else", result)
    session = await (await context.box()).repl()
    async with require_within("the end of a REPL's standard input"):
        require_outcome(await session.run("import sys; sys.stdin.read()"), OK)
    shell = await (await context.box()).shell()
    async with require_within("the end of a shell's standard input"):
        require_outcome(await shell.run("cat; read line; true"), OK)


@scene(ATTACKS, 6, "treats its output as a file: seeks, truncates, maps it", ends="bounded")
async def output_as_a_file(context: AttackContext) -> None:
    code = """
import mmap
print("first", flush=True)
def offset():
    os.lseek(1, 1 << 40, os.SEEK_SET)
    return "standard output can be sought in"
tries("seek", offset)
for act in (lambda: os.ftruncate(1, 1 << 40), lambda: mmap.mmap(1, 4096)):
    try: act()
    except (OSError, ValueError): pass
for path in ("/proc/self/fd/1", "/dev/stdout"):
    try: open(path, "ab").write(b"second\\n")
    except OSError: print("second", flush=True)
"""
    result = await context.python(code, OK)
    require(result.text.count("second\n") == 2, "output was lost", result)


@scene(ATTACKS, None, "sends descriptors up its output", ends="any of its own")
async def descriptors_up(context: AttackContext) -> None:
    code = """
sent = 0
for number in (0, 1, 2):
    try:
        with socket.socket(fileno=os.dup(number)) as up:
            for _ in range(100):
                socket.send_fds(up, [b"x"], [os.open("/dev/null", os.O_RDONLY)])
                sent += 1
    except OSError: pass
(leak if sent else safe)("descriptors sent to the host", sent)
"""
    await context.python(code, says=["SAFE"])
