"""Standard streams: complete, of any size and any bytes, and never a deadlock."""

from __future__ import annotations

import json

from envgym.errors import UsageError
from envgym.sandboxes.base import Sandbox
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import (
    PROMPT_S,
    require,
    require_error,
    require_outcome,
    require_within,
)

OK, OLE, RE, TLE = Outcome.OK, Outcome.OLE, Outcome.RE, Outcome.TLE

_ALL_BYTES = bytes(range(256))


async def text_goes_in(box: Sandbox) -> None:
    for text in ("hello\n", "no newline", "ünï ☽ 🚀\n", "$(id) `id` \\ ' \" ; | & > < \n"):
        require_outcome(await box.exec(["cat"], stdin=text.encode()), OK, text=text)


async def bytes_go_in_and_out(box: Sandbox) -> None:
    for data in (_ALL_BYTES, b"\0" * 999, b"\xc3\x28\xff\xfe", b"\r\n" * 9):
        result = require_outcome(await box.exec(["cat"], stdin=data), OK)
        require(result.stdout == data, "bytes were changed on the way", result)


async def large_input_goes_in(box: Sandbox) -> None:
    result = await box.exec(["wc", "-c"], stdin=bytes(12 * MIB))
    require_outcome(result, OK, text=f"{12 * MIB}\n")


async def large_data_goes_through(box: Sandbox) -> None:
    data = _ALL_BYTES * 4000
    result = require_outcome(await box.exec(["cat"], stdin=data), OK)
    require(result.stdout == data, "a megabyte was changed on its way through")


async def input_ends(box: Sandbox) -> None:
    async with require_within("a program that reads an empty input"):
        require_outcome(await box.exec(["cat"]), OK, text="")
    require_outcome(await box.python("import sys; print(repr(sys.stdin.read()))"), OK, text="''\n")
    result = require_outcome(await box.python("input('name? ')"), RE)
    require("EOFError" in result.error_text, "an empty input has an end", result)


async def input_need_not_be_read(box: Sandbox) -> None:
    async with require_within("a program that reads nothing", 2 * PROMPT_S):
        require_outcome(await box.exec(["true"], stdin=bytes(12 * MIB)), OK)
    require_outcome(await box.exec(["head", "-c", "3"], stdin=b"abc" * 4 * MIB), OK, text="abc")
    code = "import os; os.close(0); print('closed')"
    require_outcome(await box.python(code, stdin=bytes(4 * MIB)), OK, text="closed\n")


async def too_much_input_is_refused(box: Sandbox) -> None:
    small = Limits(stdin_bytes=10)
    require_outcome(await box.exec(["cat"], stdin=b"x" * 10, limits=small), OK, text="x" * 10)
    await require_error(box.exec(["cat"], stdin=b"x" * 11, limits=small), UsageError)
    await require_error(box.python("1", stdin=b"x" * 11, limits=small), UsageError)


async def broken_text_is_replaced(box: Sandbox) -> None:
    data = b"a\xff\xc3(\xed\xa0\x80\xf0\x9f\x98"
    result = require_outcome(await box.exec(["cat"], stdin=data), OK)
    require(result.stdout == data, "bytes were changed on the way", result)
    require(result.text == data.decode("utf-8", "replace"), "text is not decoded so", result)
    json.dumps(result.text).encode()


async def output_of_just_the_limit_is_whole(box: Sandbox) -> None:
    for size in (0, 1, 65536, 65537, 200_000):
        limits = Limits(output_bytes=size)
        code = f"head -c {size} /dev/zero; head -c {size} /dev/zero >&2"
        result = require_outcome(await box.exec(["sh", "-c", code], limits=limits), OK)
        require(len(result.stdout) == len(result.stderr) == size, "output is not whole", result)


async def a_byte_past_the_limit_is_ole(box: Sandbox) -> None:
    for size in (0, 1, 65536, 200_000):
        for stream in (1, 2):
            limits = Limits(output_bytes=size)
            code = f"head -c {size + 1} /dev/zero >&{stream}"
            result = require_outcome(await box.exec(["sh", "-c", code], limits=limits), OLE)
            kept = (result.stdout, result.stderr)[stream - 1]
            require(len(kept) <= size, "more is kept than the limit", result)


async def flood_is_ended_at_once(box: Sandbox) -> None:
    for code in ("exec yes", "yes >&2", "yes & sleep 600"):
        async with require_within("the end of a flood", 2 * PROMPT_S):
            result = require_outcome(await box.exec(["sh", "-c", code]), OLE)
        require(result.exit_code is None, "killed for a limit has no exit code", result)


async def the_beginning_of_a_flood_is_kept(box: Sandbox) -> None:
    limits = Limits(output_bytes=100)
    result = await box.exec(["sh", "-c", "echo beginning; yes"], limits=limits)
    require_outcome(result, OLE)
    require(result.text.startswith("beginning\n"), "the beginning of the output is lost", result)


async def output_before_a_timeout_is_kept(box: Sandbox) -> None:
    code = "echo before; echo why >&2; sleep 600"
    result = require_outcome(
        await box.exec(["sh", "-c", code], limits=Limits(wall_s=1.5)), TLE, text="before\n"
    )
    require(result.stderr == b"why\n", "standard error was lost", result)


async def streams_are_read_together(box: Sandbox) -> None:
    code = "for i in $(seq 100); do head -c 1000 /dev/zero; head -c 1000 /dev/zero >&2; done"
    async with require_within("output in turn", 4 * PROMPT_S):
        result = require_outcome(await box.exec(["sh", "-c", code]), OK)
    require(len(result.stdout) == len(result.stderr) == 100_000, "output was lost", result)


async def closed_output_is_no_end(box: Sandbox) -> None:
    result = await box.exec(["sh", "-c", "exec >&- 2>&- <&-; sleep 0.3; exit 3"])
    require_outcome(result, RE)
    require(result.exit_code == 3 and result.wall_s > 0.2, "it was not waited for", result)


async def output_of_children_is_kept(box: Sandbox) -> None:
    code = "(sleep 0.1; echo child) & wait; echo parent"
    require_outcome(await box.exec(["sh", "-c", code]), OK, text="child\nparent\n")
