"""Programs: arguments, environment, exit codes, signals."""

from __future__ import annotations

import signal
from contextlib import suppress

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

OK, RE = Outcome.OK, Outcome.RE


async def output_and_error_are_apart(box: Sandbox) -> None:
    result = require_outcome(await box.exec(["sh", "-c", "echo foo; echo bar; echo baz >&2"]), OK)
    require(result.stdout == b"foo\nbar\n", "standard output is wrong", result)
    require(result.stderr == b"baz\n", "standard error is wrong", result)
    require(result.exit_code == 0, "the exit code is wrong", result)


async def exit_codes_are_told(box: Sandbox) -> None:
    for code in (1, 2, 77, 126, 127, 128, 137, 255):
        result = require_outcome(await box.exec(["sh", "-c", f"exit {code}"]), RE)
        require(result.exit_code == code, f"exit code {code} is told wrongly", result)


async def signals_are_told(box: Sandbox) -> None:
    for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT, signal.SIGUSR1):
        result = require_outcome(await box.exec(["sh", "-c", f"kill -{int(number)} $$"]), RE)
        require(result.exit_code == -number, f"death by {number.name} is told wrongly", result)


async def fast_death_by_signal_is_no_timeout(box: Sandbox) -> None:
    brief = Limits(wall_s=10, cpu_s=1)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGALRM):
        result = await box.exec(["sh", "-c", f"kill -{int(number)} $$"], limits=brief)
        require_outcome(result, RE)


async def unknown_program_is_127(box: Sandbox) -> None:
    for name in ("no-such-program", "./no-such-program", "/no/such/program"):
        result = require_outcome(await box.exec([name, "argument"]), RE)
        require(result.exit_code == 127, "a missing program is exit code 127", result)


async def what_cannot_run_is_no_fault(box: Sandbox) -> None:
    await box.write("data", b"\x7fELF broken")
    for name in ("./data", "/etc/passwd", "/", "."):
        result = require_outcome(await box.exec([name]), RE)
        require(result.exit_code in (126, 127), "the exit code is a shell's", result)


async def programs_can_be_made(box: Sandbox) -> None:
    await box.write("made.sh", b"#!/bin/sh\necho made by $1\n")
    require_outcome(await box.exec(["chmod", "+x", "made.sh"]), OK)
    require_outcome(await box.exec(["./made.sh", "me"]), OK, text="made by me\n")


async def arguments_arrive_as_they_are(box: Sandbox) -> None:
    odd = ["", " ", "a b", "'", '"', "\\", "$(id)", "`id`", "; ls", "*", "~", "-n", "--", "a\nb"]
    odd += ["\t", "ünïcödé ☽ 🚀", "\x01\x7f", "%s", "{}", "$HOME", "a=b", "\r\n"]
    result = require_outcome(await box.exec(["sh", "-c", 'printf "%s\\0" "$@"', "sh", *odd]), OK)
    require(result.text.split("\0")[:-1] == odd, "arguments were changed on the way", result)


async def long_arguments_arrive(box: Sandbox) -> None:
    long, many = "x" * 100_000, ["y"] * 10_000
    code = 'echo "$# ${#1}"'
    require_outcome(
        await box.exec(["sh", "-c", code, "sh", long, *many]), OK, text="10001 100000\n"
    )


async def too_long_arguments_are_no_fault(box: Sandbox) -> None:
    with suppress(UsageError):
        require_outcome(await box.exec(["true", *["x" * 100_000] * 100]), RE)
    require_outcome(await box.exec(["true"]), OK)


async def empty_and_nul_arguments_are_refused(box: Sandbox) -> None:
    for argv in ([], [""], ["true", "a\0b"], ["tr\0ue"]):
        await require_error(box.exec(argv), UsageError)


async def environment_is_passed(box: Sandbox) -> None:
    odd = {"A": "", "B": "a b\nc", "C": "ü=🚀", "D": "$A `id`", "PATH": "/bin:/usr/bin"}
    result = require_outcome(await box.exec(["env", "-0"], env=odd), OK)
    seen = dict(line.split("=", 1) for line in result.text.split("\0") if line)
    require(odd.items() <= seen.items(), "variables were changed on the way", result)
    for name in ("HOME", "LANG", "TMPDIR"):
        require(name in seen, f"{name} is not set", result)


async def environment_is_of_one_call(box: Sandbox) -> None:
    await box.exec(["true"], env={"LEFT": "over"})
    result = require_outcome(await box.exec(["env"]), OK)
    require("LEFT" not in result.text, "a call's variable lives on", result)


async def broken_environment_is_refused(box: Sandbox) -> None:
    for env in ({"A": "\0"}, {"A\0B": "x"}, {"A=B": "x"}, {"": "x"}):
        await require_error(box.exec(["true"], env=env), UsageError)


async def home_and_temporary_folder_are_usable(box: Sandbox) -> None:
    code = 'for d in "$HOME" "$TMPDIR" .; do f=$d/envgym-$$; echo x > $f && cat $f && rm $f; done'
    require_outcome(await box.exec(["sh", "-ec", code]), OK, text="x\nx\nx\n")


async def working_directory_is_where_files_are(box: Sandbox) -> None:
    await box.write("here", b"x")
    result = require_outcome(await box.exec(["sh", "-c", "ls; pwd"]), OK)
    where = result.text.split("\n")[1]
    require(result.text.startswith("here\n"), "a file is not in the working directory", result)
    require_outcome(await box.python("import os; print(os.getcwd())"), OK, text=f"{where}\n")


async def folder_is_of_one_call(box: Sandbox) -> None:
    before = (await box.exec(["pwd"])).text
    await box.exec(["sh", "-c", "cd /; umask 777"])
    await box.python("import os; os.chdir('/'); os.umask(0o777)")
    require_outcome(await box.exec(["pwd"]), OK, text=before)
    require_outcome(await box.exec(["sh", "-c", "echo x > new && cat new"]), OK, text="x\n")


async def files_live_on_between_calls(box: Sandbox) -> None:
    await box.exec(["sh", "-c", "echo kept > file"])
    require_outcome(await box.exec(["cat", "file"]), OK, text="kept\n")


async def background_processes_end_with_their_call(box: Sandbox) -> None:
    async with require_within("a call that leaves a child behind"):
        require_outcome(
            await box.exec(["sh", "-c", "sleep 600 & echo started"]), OK, text="started\n"
        )


async def usage_is_measured(box: Sandbox) -> None:
    code = "import time\nhoard = b'x' * (40 << 20)\nwhile time.process_time() < 0.3: pass"
    result = require_outcome(await box.python(code), OK)
    require(0.2 < result.cpu_s < 5, "processor time is wrong", result)
    require(result.wall_s >= 0.2, "wall-clock time is wrong", result)
    require(result.memory_bytes == 0 or result.memory_bytes > 40 * MIB, "memory is wrong", result)
    idle = require_outcome(await box.exec(["sleep", "0.3"]), OK)
    require(idle.cpu_s < 0.2 < idle.wall_s, "sleep is no work", idle)


async def python_runs_as_main(box: Sandbox) -> None:
    code = "import sys\nif __name__ == '__main__': print(sys.argv[1:], sys.stdin.read())"
    result = await box.python(code, args=["a b", "", "ü"], stdin="in ☽".encode())
    require_outcome(result, OK, text="['a b', '', 'ü'] in ☽\n")


async def python_endings_are_an_interpreters(box: Sandbox) -> None:
    for code, outcome, exit_code in (
        ("raise SystemExit", OK, 0),
        ("raise SystemExit(3)", RE, 3),
        ("import sys; sys.exit(256 + 7)", RE, 7),
        ("import os; os._exit(4)", RE, 4),
        ("import sys; sys.exit('said')", RE, 1),
        ("1 / 0", RE, 1),
        ("raise KeyboardInterrupt", RE, None),
        ("def broken(:", RE, 1),
        ("x = '\\ud800'; print(x.encode('utf-8', 'surrogatepass'))", OK, 0),
        ("", OK, 0),
    ):
        result = require_outcome(await box.python(code), outcome)
        require(exit_code in (None, result.exit_code), f"{code!r} ends in {exit_code}", result)


async def python_tracebacks_show_the_source(box: Sandbox) -> None:
    result = require_outcome(await box.python("def f():\n    return 1 / 0  # here\nf()\n"), RE)
    for part in ("Traceback", "ZeroDivisionError", "1 / 0  # here", "line 2"):
        require(part in result.error_text, f"no {part!r} in the traceback", result)
    require("envgym" not in result.error_text, "our own frames are shown", result)
    result = require_outcome(await box.python("def broken(:\n"), RE)
    require("SyntaxError" in result.error_text, "a syntax error is not told", result)


async def python_ends_in_order(box: Sandbox) -> None:
    code = """
import atexit, sys, threading, time
atexit.register(lambda: print("at exit"))
threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
sys.stdout.write("no newline ")
"""
    require_outcome(await box.python(code), OK, text="no newline thread\nat exit\n")


async def python_runs_are_fresh(box: Sandbox) -> None:
    code = (
        "import builtins, json, sys\nbuiltins.left = json.left = 1\nsys.path.append('x')\nleft = 1"
    )
    require_outcome(await box.python(code), OK)
    code = """
import builtins, json, sys
print([hasattr(module, "left") for module in (builtins, json)])
print("x" in sys.path)
"""
    require_outcome(await box.python(code), OK, text="[False, False]\nFalse\n")


async def python_imports_what_is_there(box: Sandbox) -> None:
    await box.write("pack/__init__.py", b"from .inner import VALUE")
    await box.write("pack/inner.py", b"VALUE = 42")
    require_outcome(await box.python("import pack; print(pack.VALUE)"), OK, text="42\n")


async def python_sees_its_own_definitions(box: Sandbox) -> None:
    code = """
import dataclasses, pickle, sys
@dataclasses.dataclass
class Point: x: int
print(pickle.loads(pickle.dumps(Point(1))), sys.modules["__main__"].Point is Point)
"""
    require_outcome(await box.python(code), OK, text="Point(x=1) True\n")


async def python_works_in_several_processes(box: Sandbox) -> None:
    code = """
import multiprocessing
def double(x): return 2 * x
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(double, [1, 2]))
"""
    require_outcome(await box.python(code), OK, text="[2, 4]\n")


async def python_takes_long_source(box: Sandbox) -> None:
    code = "total = 0\n" + "total += 1\n" * 30_000 + "print(total)"
    async with require_within("a long program", 4 * PROMPT_S):
        require_outcome(await box.python(code), OK, text="30000\n")


async def python_takes_odd_source(box: Sandbox) -> None:
    for code in (
        "print('\\0')\0",
        "\x00",
        "\ud800",
        "\ufeffprint(1)",
        "print(1)\x1a",
        "\r",
        "\x0c",
    ):
        async with require_within("an odd program"):
            try:
                require_outcome(await box.python(code), OK, RE)
            except UsageError:
                continue


async def randomness_differs_between_runs(box: Sandbox) -> None:
    code = "import random, uuid; print(random.random(), uuid.uuid4(), hash(object()))"
    drawn = [(await box.python(code)).text.split()[:2] for _ in range(3)]
    for column in zip(*drawn, strict=True):
        require(len(set(column)) == 3, f"runs draw the same numbers: {column}")
