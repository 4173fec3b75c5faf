"""Sandboxes and backends as a whole: closing, cancellation, concurrency, separation."""

from __future__ import annotations

import asyncio

from envgym.errors import UsageError
from envgym.sandboxes.base import Backend, Denied, SessionLost
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import (
    OPENED_S,
    PROMPT_S,
    require,
    require_error,
    require_outcome,
    require_within,
)

MLE, OK, OLE, RE, TLE = Outcome.MLE, Outcome.OK, Outcome.OLE, Outcome.RE, Outcome.TLE


async def it_says_what_it_is(backend: Backend) -> None:
    require(backend.name and backend.isolation, "a backend has a name, and says what isolates")
    require("\n" not in backend.isolation, "in a line")


async def run_python_in_one_go(backend: Backend) -> None:
    require_outcome(await backend.run_python("print(6 * 7)"), OK, text="42\n")
    result = await backend.run_python("import sys; print(sys.stdin.read())", stdin=b"in")
    require_outcome(result, OK, text="in\n")
    result = await backend.run_python("while True: pass", limits=Limits(wall_s=0.3))
    require_outcome(result, TLE)
    require_outcome(await backend.run_python("open('left', 'w')"), OK)
    require_outcome(
        await backend.run_python("import os; print(os.path.exists('left'))"), OK, text="False\n"
    )


async def a_repl_may_be_its_own_box(backend: Backend) -> None:
    async with await backend.repl() as repl, await backend.repl() as other:
        require_outcome(await repl.run("x = 20; open('left', 'w').close()"), OK, text="")
        require_outcome(await repl.run("x + 1"), OK, text="21\n")
        require(
            b"ZeroDivisionError" in require_outcome(await repl.run("x / 0"), RE).stderr,
            "no error is told",
        )
        require_outcome(await other.run("import os; os.listdir('.')"), OK, text="[]\n")
        require_outcome(await other.run("x"), RE)
        await require_error(repl.fork(), UsageError)
        async with require_within("a limit of half a second", 6):
            require_outcome(await repl.run("while True: pass", limits=Limits(wall_s=0.5)), TLE)
        await require_error(repl.run("1"), SessionLost)
    async with require_within("closing a session"):
        await other.close()
    await require_error(other.run("1"), UsageError)
    async with await backend.repl(limits=Limits(output_bytes=100)) as repl:
        require_outcome(await repl.run("print('x' * 1000)", limits=Limits(output_bytes=2000)), OLE)


async def a_box_is_closed_twice(backend: Backend) -> None:
    box = await backend.open()
    await box.exec(["true"])
    async with require_within("closing a box"):
        await box.close()
        await box.close()
        await asyncio.gather(box.close(), box.close())
    unused = await backend.open()
    await unused.close()


async def a_closed_box_refuses(backend: Backend) -> None:
    box = await backend.open()
    repl = await box.repl()
    await box.close()
    for call in (
        box.exec(["true"]),
        box.python("1"),
        box.write("a", b""),
        box.read("a"),
        box.snapshot(),
        box.repl(),
        repl.run("1"),
        repl.fork(),
    ):
        await require_error(call, UsageError)
    await repl.close()


async def a_box_is_closed_while_it_runs(backend: Backend) -> None:
    box = await backend.open()
    shell = await box.shell()
    calls = [
        asyncio.create_task(call)
        for call in (
            box.exec(["sleep", "600"]),
            shell.run("sleep 600"),
            box.python("while 1: pass"),
        )
    ]
    await asyncio.sleep(0.2)
    async with require_within("closing a box in which programs run"):
        await box.close()
        ends = await asyncio.gather(*calls, return_exceptions=True)
    for end in ends:
        require(isinstance(end, UsageError), f"the call of a box that was closed ended in {end!r}")


async def cancellation_is_prompt(backend: Backend) -> None:
    async with await backend.open() as box:
        shell = await box.shell()
        for call in (
            box.exec(["sh", "-c", "trap '' TERM INT HUP; sleep 600"]),
            box.python("while True: pass"),
            shell.run("sleep 600"),
        ):
            running = asyncio.create_task(call)
            await asyncio.sleep(0.2)
            running.cancel()
            async with require_within("cancellation"):
                await asyncio.gather(running, return_exceptions=True)
            require(running.cancelled(), "cancellation was swallowed")
            require_outcome(await box.exec(["echo", "usable"]), OK, text="usable\n")


async def opening_can_be_cancelled(backend: Backend) -> None:
    for moment in (0.0, 0.0005, 0.002, 0.005, 0.02):
        opening = asyncio.create_task(backend.open())
        await asyncio.sleep(moment)
        opening.cancel()
        async with require_within("cancellation", 3 * PROMPT_S):
            await asyncio.gather(opening, return_exceptions=True)
        if not opening.cancelled():
            await opening.result().close()
    require_outcome(await backend.run_python("print(1)"), OK, text="1\n")


async def calls_run_at_the_same_time(backend: Backend) -> None:
    async with await backend.open() as box:
        code = "touch $1; while [ $(ls | wc -l) -lt 4 ]; do sleep 0.01; done; echo $1"
        async with require_within("four programs that wait for each other", 3 * PROMPT_S):
            results = await asyncio.gather(
                *(box.exec(["sh", "-c", code, "sh", str(n)]) for n in range(4))
            )
        require([r.text for r in results] == [f"{n}\n" for n in range(4)], "answers were mixed up")


async def answers_are_not_mixed_up(backend: Backend) -> None:
    async with await backend.open(limits=Limits(processes=128)) as box:
        await box.write("file", b"content")
        repl = await box.repl()

        async def one(number: int) -> None:
            require_outcome(await box.exec(["echo", str(number)]), OK, text=f"{number}\n")
            require_outcome(await box.python(f"print({number})"), OK, text=f"{number}\n")
            require_outcome(await repl.run(str(number)), OK, text=f"{number}\n")
            await box.write(f"file-{number}", str(number).encode())
            require(await box.read(f"file-{number}") == str(number).encode(), "files are mixed up")
            result = await box.exec(["sh", "-c", f"exit {number}"])
            require(result.exit_code == number, "answers are mixed up", result)
            await require_error(box.read(f"missing-{number}"), UsageError)

        await asyncio.gather(*map(one, range(8)))


async def boxes_are_apart(backend: Backend) -> None:
    async def one(number: int) -> None:
        async with await backend.open() as box:
            await box.write("mine", str(number).encode())
            require_outcome(
                await box.exec(["sh", "-c", "ls; cat mine"]), OK, text=f"mine\n{number}"
            )
            session = await box.repl()
            require_outcome(
                await session.run(f"open('mine').read() == '{number}'"), OK, text="True\n"
            )

    await asyncio.gather(*map(one, range(6)))


async def a_limit_is_its_own_boxs(backend: Backend) -> None:
    quiet = await backend.open()
    loud = await backend.open(limits=Limits(wall_s=0.5, memory_bytes=96 * MIB, processes=8))
    async with quiet, loud:
        session = await quiet.repl()
        await session.run("x = 1")
        steady = asyncio.create_task(quiet.exec(["sh", "-c", "sleep 1; echo steady"]))
        require_outcome(
            await loud.python("h = []\nwhile True: h.append(b'x' * (1 << 20))"), MLE, TLE
        )
        require_outcome(await loud.exec(["yes"]), OLE)
        require_outcome(await loud.exec(["sleep", "600"]), TLE)
        require_outcome(await steady, OK, text="steady\n")
        require_outcome(await session.run("x"), OK, text="1\n")


async def a_snapshot_opens_a_box(backend: Backend) -> None:
    async with await backend.open() as box:
        await box.write("a/b", b"\0data")
        await box.exec(["sh", "-c", "chmod 750 a/b; ln -s a/b inner"])
        data = await box.snapshot()
    for _ in range(2):
        async with await backend.open(snapshot=data) as copy:
            require(await copy.read("a/b") == b"\0data", "a file came back otherwise")
            require_outcome(await copy.exec(["sh", "-c", "echo more >> inner && test -x a/b"]), OK)
            require(await copy.read("a/b") == b"\0datamore\n", "a link came back otherwise")


async def a_broken_snapshot_is_refused(backend: Backend) -> None:
    for data in (b"garbage", bytes(range(256)) * 8):
        error = await require_error(backend.open(snapshot=data), UsageError, seconds=OPENED_S)
        require(not isinstance(error, Denied), "it is broken, not hostile")


async def a_fork_has_the_limits(backend: Backend) -> None:
    box = await backend.open(limits=Limits(wall_s=0.4))
    async with box, await box.fork() as copy, require_within("the limit of a fork", 4):
        require_outcome(await copy.exec(["sleep", "600"]), TLE)


async def many_boxes_in_turn(backend: Backend) -> None:
    for number in range(5):
        async with await backend.open() as box:
            require_outcome(await box.exec(["echo", str(number)]), OK, text=f"{number}\n")
