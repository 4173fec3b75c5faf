"""Sessions: state persists, a failure costs a call, a limit costs the session."""

from __future__ import annotations

import asyncio

from envgym.errors import UsageError
from envgym.sandboxes.base import Sandbox, SessionLost
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import (
    require,
    require_error,
    require_outcome,
    require_within,
)

OK, OLE, RE, TLE = Outcome.OK, Outcome.OLE, Outcome.RE, Outcome.TLE

_BRIEF = Limits(wall_s=1.5)


async def a_repl_keeps_its_state(box: Sandbox) -> None:
    repl = await box.repl()
    for code, text in (
        ("x = 20\ndef double(n): return 2 * n", ""),
        ("import os; os.mkdir('d'); os.chdir('d')", ""),
        ("print(double(x) + 2, os.path.basename(os.getcwd()))", "42 d\n"),
        ("class A:\n    def f(self): return x\n\nA().f()", "20\n"),
        (
            "import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\nP(1)",
            "P(x=1)\n",
        ),
    ):
        require_outcome(await repl.run(code), OK, text=text)


async def a_repl_shows_a_last_expression(box: Sandbox) -> None:
    repl = await box.repl()
    for code, text in (
        ("6 * 7", "42\n"),
        ("'text'", "'text'\n"),
        ("None", ""),
        ("x = 1", ""),
        ("x", "1\n"),
        ("1\n2", "2\n"),
        ("print('a'); 'b'", "a\n'b'\n"),
        ("for i in range(2): i", ""),
        ("", ""),
        ("# nothing", ""),
        ("print('no newline', end='')", "no newline"),
    ):
        require_outcome(await repl.run(code), OK, text=text)


async def an_exception_costs_one_call(box: Sandbox) -> None:
    repl = await box.repl()
    await repl.run("x = 1")
    for code, name in (
        ("x += 1; 1 / 0", "ZeroDivisionError"),
        ("def broken(:", "SyntaxError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("unknown", "NameError"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("input()", "EOFError"),
        ("x.y.z", "AttributeError"),
    ):
        result = require_outcome(await repl.run(code), RE)
        require(name in result.error_text, f"{name} is not told", result)
        require("envgym" not in result.error_text, "our own frames are shown", result)
    require_outcome(await repl.run("x"), OK, text="2\n")


async def an_exit_costs_the_session(box: Sandbox) -> None:
    repl = await box.repl()
    result = require_outcome(await repl.run("print('last words'); raise SystemExit(3)"), RE)
    require(
        result.exit_code == 3 and result.text == "last words\n", "its end is told wrongly", result
    )
    await require_error(repl.run("1"), SessionLost)
    shell = await box.shell()
    result = require_outcome(await shell.run("echo last words; exit 4"), RE)
    require(
        result.exit_code == 4 and result.text == "last words\n", "its end is told wrongly", result
    )
    await require_error(shell.run("true"), SessionLost)
    require_outcome(await (await box.repl()).run("1"), OK, text="1\n")


async def a_limit_costs_the_session(box: Sandbox) -> None:
    repl, shell, other = await box.repl(), await box.shell(), await box.repl()
    await other.run("x = 1")
    async with require_within("limits of 1.5 s", 8):
        require_outcome(await repl.run("while True: pass", limits=_BRIEF), TLE)
        require_outcome(
            await shell.run("echo before; sleep 600", limits=_BRIEF), TLE, text="before\n"
        )
    await require_error(repl.run("1"), SessionLost)
    await require_error(repl.fork(), SessionLost)
    await require_error(shell.run("true"), SessionLost)
    require_outcome(await other.run("x"), OK, text="1\n")
    flooding = await box.repl()
    require_outcome(await flooding.run("while True: print('x' * 1000)"), OLE)
    await require_error(flooding.run("1"), SessionLost)


async def output_belongs_to_its_call(box: Sandbox) -> None:
    repl, shell = await box.repl(), await box.shell()
    limits = Limits(output_bytes=200_000)
    for size in (10, 100_000, 200_000, 3):
        result = require_outcome(await repl.run(f"print('x' * {size - 1})", limits=limits), OK)
        require(len(result.stdout) == size, "output is not whole", result)
        result = require_outcome(await shell.run(f"head -c {size} /dev/zero", limits=limits), OK)
        require(len(result.stdout) == size, "output is not whole", result)
    result = require_outcome(
        await repl.run("import sys; print(1); print(2, file=sys.stderr)"), OK, text="1\n"
    )
    require(result.stderr == b"2\n", "standard error is wrong", result)
    result = require_outcome(await shell.run("echo 1; echo 2 >&2"), OK, text="1\n")
    require(result.stderr == b"2\n", "standard error is wrong", result)


async def a_shell_keeps_its_state(box: Sandbox) -> None:
    shell = await box.shell()
    for code, text in (
        ("x=20; f() { echo $(($1 * 2)); }; mkdir d; cd d", ""),
        ("f $x; basename $PWD", "40\nd\n"),
        ("cat <<END\nhere $x\nEND", "here 20\n"),
        ("export Y=1; env | grep ^Y=", "Y=1\n"),
        ("for i in 1 2; do\n  echo $i\ndone", "1\n2\n"),
        ("printf 'no newline'", "no newline"),
        ("", ""),
        ("# nothing", ""),
        ("echo 'ünï ☽' \"a  b\"", "ünï ☽ a  b\n"),
    ):
        require_outcome(await shell.run(code), OK, text=text)


async def a_failed_command_costs_one_call(box: Sandbox) -> None:
    shell = await box.shell()
    for code, exit_code in (
        ("false", 1),
        ("(exit 7)", 7),
        ("no-such-program", 127),
        ("true; [ 1 = 2 ]", 1),
    ):
        result = require_outcome(await shell.run(code), RE)
        require(result.exit_code == exit_code, f"{code!r} ends in {exit_code}", result)
    for code in ("echo 'unbalanced", "if true; then", ")", "$(", "cat < missing"):
        async with require_within("a command that cannot be"):
            require_outcome(await shell.run(code), RE)
    require_outcome(await shell.run("echo lives"), OK, text="lives\n")


async def a_shell_command_has_no_input(box: Sandbox) -> None:
    shell = await box.shell()
    for code in ("cat", "read line; true", "python3 -c 'import sys; sys.stdin.read()'", "bash"):
        async with require_within("a command that reads"):
            require_outcome(await shell.run(code), OK, text="")
    require_outcome(await shell.run("echo lives"), OK, text="lives\n")


async def background_work_does_not_hold_a_call(box: Sandbox) -> None:
    shell, repl = await box.shell(), await box.repl()
    async with require_within("a command that starts a job"):
        require_outcome(await shell.run("sleep 600 & echo started"), OK, text="started\n")
        require_outcome(await shell.run("jobs | grep -c sleep"), OK, text="1\n")
        code = "import subprocess; p = subprocess.Popen(['sleep', '600']); p.poll()"
        require_outcome(await repl.run(code), OK, text="")
        code = "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()"
        require_outcome(await repl.run(code), OK, text="")
        await repl.close()
        await shell.close()


async def a_fork_goes_its_own_way(box: Sandbox) -> None:
    repl = await box.repl()
    await repl.run("x = [1]; import random; random.seed(1); y = bytearray(b'same')")
    copy = await repl.fork()
    require_outcome(await copy.run("x.append(2); y[0] = 0; x"), OK, text="[1, 2]\n")
    require_outcome(await repl.run("x, bytes(y)"), OK, text="([1], b'same')\n")
    require_outcome(await repl.run("x.append(3); x"), OK, text="[1, 3]\n")
    require_outcome(await copy.run("x"), OK, text="[1, 2]\n")
    again = await copy.fork()
    require_outcome(await again.run("x"), OK, text="[1, 2]\n")


async def a_fork_has_the_same_generator(box: Sandbox) -> None:
    repl = await box.repl()
    await repl.run("import random; random.seed(7)")
    copy = await repl.fork()
    drawn = await repl.run("random.random()")
    require_outcome(await copy.run("random.random()"), OK, text=drawn.text)


async def a_fork_kept_aside_is_a_snapshot(box: Sandbox) -> None:
    repl = await box.repl()
    await repl.run("state = 'before'")
    kept = await repl.fork()
    require_outcome(await repl.run("state = 'after'; while_true = 1"), OK)
    await repl.close()
    for _ in range(3):
        branch = await kept.fork()
        require_outcome(await branch.run("state"), OK, text="'before'\n")
        require_outcome(await branch.run("state = 'changed'"), OK)
        await branch.close()
    require_outcome(await kept.run("state"), OK, text="'before'\n")


async def a_fork_outlives_its_original(box: Sandbox) -> None:
    repl = await box.repl()
    await repl.run("x = 1")
    copy = await repl.fork()
    require_outcome(await repl.run("while True: pass", limits=_BRIEF), TLE)
    require_outcome(await copy.run("x"), OK, text="1\n")
    other = await copy.fork()
    await copy.close()
    require_outcome(await other.run("x"), OK, text="1\n")


async def forks_run_at_the_same_time(box: Sandbox) -> None:
    repl = await box.repl()
    await repl.run("import os, time")
    forks = [await repl.fork() for _ in range(4)]
    code = "open(f'{name}', 'w').close()\nwhile len(os.listdir('.')) < 4: time.sleep(0.01)"
    async with require_within("four forks that wait for each other", 5):
        await asyncio.gather(*(f.run(f"name = {n}\n{code}") for n, f in enumerate(forks)))


async def a_shell_is_not_forked(box: Sandbox) -> None:
    shell = await box.shell()
    await require_error(shell.fork(), UsageError)
    require_outcome(await shell.run("echo lives"), OK, text="lives\n")


async def calls_are_run_one_at_a_time(box: Sandbox) -> None:
    repl, shell = await box.repl(), await box.shell()
    await repl.run("import time; n = 0")
    code = "m = n; time.sleep(0.02); n = m + 1"
    results = await asyncio.gather(*(repl.run(code) for _ in range(5)))
    require(all(result.ok for result in results), "a call failed beside another")
    require_outcome(await repl.run("n"), OK, text="5\n")
    results = await asyncio.gather(*(shell.run(f"echo {n}; sleep 0.02") for n in range(5)))
    require([result.text for result in results] == [f"{n}\n" for n in range(5)], "output was mixed")


async def a_session_is_closed_twice(box: Sandbox) -> None:
    for session in (await box.repl(), await box.shell()):
        await session.run("1")
        async with require_within("closing a session"):
            await session.close()
            await session.close()
        await require_error(session.run("1"), SessionLost)
    dead = await box.repl()
    await dead.run("import os; os._exit(0)")
    await dead.close()
    async with await box.repl() as repl:
        require_outcome(await repl.run("1"), OK)
    await require_error(repl.run("1"), SessionLost)


async def nul_and_odd_code_is_no_fault(box: Sandbox) -> None:
    repl, shell = await box.repl(), await box.shell()
    for session in (repl, shell):
        for code in ("\0", "a\0b", "\ud800", "\x01\x1b", "\r\n", "\ufeff1"):
            async with require_within("odd code"):
                try:
                    await session.run(code)
                except UsageError as error:
                    require(not isinstance(error, SessionLost), f"{code!r} ended a session")
    require_outcome(await repl.run("1"), OK, text="1\n")
    require_outcome(await shell.run("echo 1"), OK, text="1\n")


async def long_code_runs(box: Sandbox) -> None:
    repl, shell = await box.repl(), await box.shell()
    code = "x = '" + "y" * 500_000 + "'\nlen(x)"
    require_outcome(await repl.run(code), OK, text="500000\n")
    code = "x='" + "y" * 200_000 + "'\necho ${#x}"
    async with require_within("a long command", 5):
        require_outcome(await shell.run(code), OK, text="200000\n")


async def sessions_share_the_files(box: Sandbox) -> None:
    repl, shell = await box.repl(), await box.shell()
    require_outcome(await shell.run("echo shared > file"), OK)
    require_outcome(await repl.run("open('file').read()"), OK, text="'shared\\n'\n")
    require(await box.read("file") == b"shared\n", "the file came back otherwise")
    require_outcome(await box.exec(["cat", "file"]), OK, text="shared\n")
