"""Limits: each has its own enforcer and outcome, and the sandbox works after it."""

from __future__ import annotations

from envgym.sandboxes.base import Backend, Sandbox
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Outcome, Result
from envgym.sandboxes.suites.assertions import CaseFailed, require, require_outcome, require_within

MLE, OK, OLE, PLE = Outcome.MLE, Outcome.OK, Outcome.OLE, Outcome.PLE
RE, TLE = Outcome.RE, Outcome.TLE


async def _ends(backend: Backend, limits: Limits, code: str, *outcomes: Outcome) -> Result:
    """Check the outcome of code in a sandbox of these limits, and that the sandbox still works."""
    async with await backend.open(limits=limits) as box:
        result = require_outcome(await box.python(code), *outcomes)
        await _is_usable(box)
    return result


async def _is_usable(box: Sandbox) -> None:
    require_outcome(await box.exec(["echo", "usable"]), OK, text="usable\n")
    require_outcome(await box.python("print(42)"), OK, text="42\n")


async def nonsense_is_refused(backend: Backend) -> None:
    for name in Limits.model_fields:
        for value in (-1, -0.5, float("nan"), float("inf"), "much", None, 1 << 80):
            try:
                Limits(**{name: value})
            except ValueError:
                continue
            require(
                value == 1 << 80 and name.endswith("bytes"), f"Limits({name}={value}) is accepted"
            )
    for name in ("wall_s", "cpu_s", "processes", "memory_bytes", "disk_bytes", "open_files"):
        try:
            Limits(**{name: 0})
        except ValueError:
            continue
        raise CaseFailed(f"Limits({name}=0) is accepted")


async def wall_time_is_tle(backend: Backend) -> None:
    async with require_within("a limit of 0.4 s, of a box of its own", 8):
        result = await _ends(backend, Limits(wall_s=0.4), "import time; time.sleep(600)", TLE)
    require(result.exit_code is None, "killed for a limit has no exit code", result)
    require(0.3 < result.wall_s < 3, "wall-clock time is wrong", result)


async def processor_time_is_tle(backend: Backend) -> None:
    result = await _ends(backend, Limits(cpu_s=0.4, wall_s=20), "while True: pass", TLE)
    require(result.wall_s < 10, "it ran on to its wall-clock limit", result)


async def processor_time_of_children_counts(backend: Backend) -> None:
    code = "import subprocess, sys\nsubprocess.run(['sh', '-c', 'while :; do :; done'])"
    result = await _ends(backend, Limits(cpu_s=0.4, wall_s=20), code, TLE)
    require(result.wall_s < 10, "it ran on to its wall-clock limit", result)


async def sleep_costs_no_processor_time(backend: Backend) -> None:
    await _ends(backend, Limits(cpu_s=0.3), "import time; time.sleep(0.6)", OK)


async def memory_is_mle(backend: Backend) -> None:
    code = "hoard = []\nwhile True: hoard.append(b'x' * (1 << 20))"
    await _ends(backend, Limits(memory_bytes=96 * MIB), code, MLE)


async def memory_of_children_is_mle(backend: Backend) -> None:
    code = """
import os, sys
child = os.fork()
if child == 0:
    hoard = []
    while True: hoard.append(b"x" * (1 << 20))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
"""
    await _ends(backend, Limits(memory_bytes=96 * MIB), code, MLE)


async def memory_is_summed_over_processes(backend: Backend) -> None:
    code = """
import os, sys, time
for _ in range(4):
    if os.fork() == 0:
        hoard = b"x" * (40 << 20)
        time.sleep(1)
        os._exit(0)
sys.exit(any(os.wait()[1] for _ in range(4)))
"""
    await _ends(backend, Limits(memory_bytes=96 * MIB), code, MLE)


async def memory_below_the_limit_is_had(backend: Backend) -> None:
    code = "hoard = b'x' * (100 << 20); print(len(hoard))"
    await _ends(backend, Limits(memory_bytes=192 * MIB), code, OK)


async def processes_are_ple(backend: Backend) -> None:
    code = "import os, time\nfor _ in range(64):\n    if os.fork() == 0: time.sleep(600)"
    await _ends(backend, Limits(processes=8), code, PLE)


async def threads_are_ple(backend: Backend) -> None:
    code = """
import threading, time
try:
    for _ in range(64): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
except RuntimeError:
    time.sleep(0.3)  # without a control group the refusal is seen by who looks now and then
    raise
"""
    await _ends(backend, Limits(processes=8), code, PLE)


async def processes_below_the_limit_are_had(backend: Backend) -> None:
    code = """
import subprocess
children = [subprocess.Popen(["sleep", "0.3"]) for _ in range(6)]
print([child.wait() for child in children])
"""
    await _ends(backend, Limits(processes=16), code, OK)


async def past_processes_count_for_nothing(backend: Backend) -> None:
    code = "import os\nfor _ in range(40):\n    if os.fork() == 0: os._exit(0)\n    os.wait()"
    await _ends(backend, Limits(processes=8), code, OK)


async def file_size_fails_to_write(backend: Backend) -> None:
    code = """
with open("fits", "wb") as file: file.write(b"x" * (1 << 20))
try:
    with open("large", "wb", 0) as file:
        for _ in range(5): file.write(b"x" * (1 << 18))
except OSError as error: print(error.errno)
"""
    result = await _ends(backend, Limits(file_bytes=MIB), code, OK)
    require(result.text == "27\n", "EFBIG (27) is what a file that is too large gets", result)


async def disk_fails_to_write(backend: Backend) -> None:
    code = """
import errno
written = 0
try:
    for number in range(16):
        with open(f"{number}", "wb", 0) as file: written += file.write(b"x" * (1 << 20))
except OSError as error: print(errno.errorcode[error.errno])
print(written >> 20)
"""
    result = await _ends(backend, Limits(disk_bytes=8 * MIB), code, OK)
    why, _, written = result.text.partition("\n")
    require(why in ("ENOSPC", "EDQUOT"), "a full disk is told as one", result)
    require(4 <= int(written) <= 8, f"{written} MiB were written to a disk of 8", result)


async def open_files_fail_to_open(backend: Backend) -> None:
    code = "hoard = [open('/dev/null') for _ in range(100)]"
    result = await _ends(backend, Limits(open_files=32), code, RE)
    require("Too many open files" in result.error_text, "EMFILE is what it gets", result)


async def one_call_may_lower_them(backend: Backend) -> None:
    async with await backend.open() as box:
        result = await box.python("while True: pass", limits=Limits(wall_s=0.3))
        require_outcome(result, TLE)
        require_outcome(await box.python("import time; time.sleep(0.5)"), OK)
        result = await box.python("print('x' * 100)", limits=Limits(output_bytes=50))
        require_outcome(result, OLE)
        require_outcome(await box.python("print('x' * 100)"), OK)


async def no_call_may_raise_them(backend: Backend) -> None:
    async with await backend.open(limits=Limits(wall_s=0.4, output_bytes=10)) as box:
        high = Limits(wall_s=600, output_bytes=1000)
        async with require_within("a limit of the box", 4):
            require_outcome(await box.exec(["sleep", "600"], limits=high), TLE)
        require_outcome(await box.exec(["echo", "x" * 20], limits=high), OLE)


async def no_call_raises_the_boxs_memory(backend: Backend) -> None:
    async with await backend.open(limits=Limits(memory_bytes=96 * MIB)) as box:
        code = "hoard = []\nfor _ in range(300): hoard.append(b'x' * (1 << 20))"
        require_outcome(await box.python(code, limits=Limits(memory_bytes=512 * MIB)), MLE)


async def no_call_raises_the_boxs_processes(backend: Backend) -> None:
    async with await backend.open(limits=Limits(processes=8)) as box:
        code = "import os, time\nfor _ in range(32):\n    if os.fork() == 0: time.sleep(600)"
        require_outcome(await box.python(code, limits=Limits(processes=64)), PLE)


async def timeout_takes_the_children_along(backend: Backend) -> None:
    async with await backend.open() as box:
        code = "(while :; do date +%s%N > alive; sleep 0.02; done) & sleep 600"
        async with require_within("a limit of 1.5 s", 5):
            require_outcome(await box.exec(["sh", "-c", code], limits=Limits(wall_s=1.5)), TLE)
        before = await box.read("alive")
        await box.exec(["sleep", "0.2"])
        require(await box.read("alive") == before, "a child works on after its parent's timeout")


async def sessions_have_limits(backend: Backend) -> None:
    async with await backend.open(limits=Limits(wall_s=0.5, memory_bytes=96 * MIB)) as box:
        require_outcome(await (await box.repl()).run("while True: pass"), TLE)
        require_outcome(await (await box.shell()).run("sleep 600"), TLE)
        require_outcome(await (await box.shell()).run("yes"), OLE)
    async with await backend.open(limits=Limits(memory_bytes=96 * MIB)) as box:
        session = await box.repl()
        require_outcome(await session.run("h = []\nwhile True: h.append(b'x' * (1 << 20))"), MLE)
        await _is_usable(box)
