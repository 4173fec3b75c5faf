"""Live interpreters: state, output, endings and forks of a REPL and of a shell."""

from __future__ import annotations

import asyncio

import pytest

from envgym.errors import UsageError
from envgym.sandboxes import Limits, Outcome, SessionLost
from envgym.sandboxes.base import Sandbox


async def test_a_repl_keeps_its_state_and_shows_last_values(box: Sandbox) -> None:
    async with await box.repl() as repl:
        for code, shown in (
            ("x = 1", ""),
            ("x + 1", "2\n"),
            ("x; None", ""),
            ("'text'", "'text'\n"),
            ("_", "'text'\n"),
            ("for i in range(2): print(i)", "0\n1\n"),
            ("def f(n):\n    return n * x\n\nf(3)", "3\n"),
            ("import math\nmath.floor(2.5)", "2\n"),
            ("", ""),
            ("# a comment", ""),
        ):
            result = await repl.run(code)
            assert (result.outcome, result.text) == (Outcome.OK, shown), code


async def test_an_error_leaves_a_repl_alive(box: Sandbox) -> None:
    async with await box.repl() as repl:
        await repl.run("def f():\n    return 1 / 0\nx = 5")
        for code, error in (
            ("f()", "ZeroDivisionError"),
            ("(", "SyntaxError"),
            ("raise KeyboardInterrupt", "KeyboardInterrupt"),
            ("class E(Exception):\n    def __str__(self):\n        1 / 0\nraise E", "E"),
            ("def g(): g()\ng()", "RecursionError"),
            ("class R:\n    def __repr__(self):\n        raise ValueError\nR()", "ValueError"),
        ):
            result = await repl.run(code)
            assert (result.outcome, result.exit_code) == (Outcome.RE, 1), code
            assert error in result.error_text
        assert "return 1 / 0" in (await repl.run("f()")).error_text  # of a cell long ago
        assert (await repl.run("x")).text == "5\n"


@pytest.mark.parametrize(
    ("code", "exit_code", "says"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("exit()" if False else "raise SystemExit", 0, ""),
        ("raise SystemExit('bye')", 1, "bye\n"),
        ("import os; os._exit(5)", 5, ""),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
    ],
)
async def test_a_program_that_exits_takes_its_session_along(
    box: Sandbox, code: str, exit_code: int, says: str
) -> None:
    repl = await box.repl()
    result = await repl.run(code)
    assert (result.exit_code, result.error_text) == (exit_code, says)
    with pytest.raises(SessionLost):
        await repl.run("1")
    with pytest.raises(SessionLost):
        await repl.fork()
    await repl.close()
    await repl.close()
    assert (await box.python("print(1)")).ok


async def test_limits_hold_for_each_call(box: Sandbox) -> None:
    repl = await box.repl()
    for _ in range(4):
        result = await repl.run("t = sum(range(10**6))", limits=Limits(cpu_s=0.5))
        assert result.outcome is Outcome.OK
    result = await repl.run("print('x' * 100)", limits=Limits(output_bytes=100))
    assert result.outcome is Outcome.OLE
    repl = await box.repl()
    result = await repl.run("import time; time.sleep(60)", limits=Limits(wall_s=0.2))
    assert (result.outcome, result.exit_code) == (Outcome.TLE, None)
    with pytest.raises(SessionLost):
        await repl.run("1")


async def test_cancelled_calls_take_their_session_and_no_more(box: Sandbox) -> None:
    repl, other = await box.repl(), await box.repl()
    for _ in range(3):
        call = asyncio.create_task(repl.run("import time; time.sleep(60)"))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(SessionLost):  # also when both arrive at once
            await repl.run("1")
        repl = await box.repl()
    assert (await other.run("1")).text == "1\n"


async def test_forks_go_their_own_ways(box: Sandbox) -> None:
    async with await box.repl() as repl:
        await repl.run("x = [1]; import random; random.seed(3); big = bytearray(20_000_000)")
        kept = await repl.fork()
        await repl.run("x.append(2)")
        first, second = await kept.fork(), await kept.fork()
        await first.run("x.append(3)")
        assert (await repl.run("x")).text == "[1, 2]\n"
        assert (await first.run("x")).text == "[1, 3]\n"
        assert (await second.run("x")).text == "[1]\n"
        draws = [(await one.run("random.random()")).text for one in (first, second, kept, repl)]
        assert len(set(draws)) == 1
        pids = {(await one.run("import os; os.getpid()")).text for one in (first, second, repl)}
        assert len(pids) == 3
        await kept.close()
        assert (await first.run("len(big)")).text == "20000000\n"
        await first.run("import os; os._exit(0)")
        assert (await second.run("x")).text == "[1]\n"
        both = await asyncio.gather(repl.run("print('a')"), second.run("print('b')"))
        assert [r.text for r in both] == ["a\n", "b\n"]


async def test_a_shell_keeps_its_state(box: Sandbox) -> None:
    async with await box.shell() as shell:
        await shell.run('cd /tmp; A=5; f() { echo "f$1"; }; export B=6')
        result = await shell.run("pwd; echo $A; f x; sh -c 'echo $B'")
        assert result.text == "/tmp\n5\nfx\n6\n"
        result = await shell.run("echo err >&2; false")
        assert (result.outcome, result.exit_code, result.error_text) == (Outcome.RE, 1, "err\n")
        assert (await shell.run("no-such-program")).exit_code == 127
        assert (await shell.run("if true; then")).exit_code not in (0, None)
        assert (await shell.run("cat; echo end")).text == "end\n"  # standard input is empty
        assert (await shell.run("cat <<X\na\nb\nX\n")).text == "a\nb\n"
        assert (await shell.run("sleep 30 & echo started")).text == "started\n"
        assert (await shell.run("jobs | wc -l")).text.strip() == "1"
        with pytest.raises(UsageError, match="fork"):
            await shell.fork()
        with pytest.raises(UsageError, match="NUL"):
            await shell.run("echo \0")
        assert (await shell.run("exit 7")).exit_code == 7
    with pytest.raises(SessionLost):
        await shell.run("true")


# What a program of a session writes to its control socket: it can but lie about itself.
LIES = (
    b"\\xff" * 10,
    b"\\x00\\x00\\x00\\x02\\x00\\x00\\x00\\x00[]",
    b"\\x00\\x0f\\xff\\xff\\x00\\x00\\x00\\x00",
    b"\\x00\\x00\\x00\\x02\\x3f\\xff\\xff\\xff{}",
    b"\\x00\\x00\\x00\\x15\\x00\\x00\\x00\\x00" + b'{\\"parts\\":[], \\"ok\\":1}',
    b"\\x00\\x00\\x00\\x11\\x00\\x00\\x00\\x00" + b'{\\"parts\\":[1e999]}',
)


@pytest.mark.parametrize("lie", [*LIES, b"deep"])
async def test_lies_on_the_control_socket_hurt_nobody_else(box: Sandbox, lie: bytes) -> None:
    repl, other = await box.repl(), await box.repl()
    text = lie.decode()
    data = f'b"{text}"' if lie != b"deep" else 'b"\\x00\\x01\\x86\\xa0\\0\\0\\0\\0" + b"[" * 100000'
    code = f"import os, time\nos.set_blocking(3, True)\nos.write(3, {data})\ntime.sleep(0.1)"
    result = await repl.run(code)
    assert result.outcome in (Outcome.OK, Outcome.RE)
    await repl.close()
    assert (await other.run("6 * 7")).text == "42\n"
    assert (await box.python("print(1)")).text == "1\n"
