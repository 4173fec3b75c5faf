"""Outcomes from measurements: no program can claim one or hide one."""

from __future__ import annotations

from envgym.sandboxes.base import Backend
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import require_outcome

MLE, PLE, RE, TLE = Outcome.MLE, Outcome.PLE, Outcome.RE, Outcome.TLE

_LIMITS = Limits(memory_bytes=192 * MIB, processes=16, cpu_s=5)
_SIGNALS = ("KILL", "XCPU", "XFSZ", "ALRM", "VTALRM", "PROF", "TERM", "SEGV", "ABRT", "BUS", "SYS")
_SAYS = (
    "raise MemoryError",
    "raise BlockingIOError(11, 'Resource temporarily unavailable')",
    'raise RuntimeError("can\'t start new thread")',
    "raise TimeoutError('time limit exceeded')",
    "raise OSError(12, 'Cannot allocate memory')",
    "import sys; sys.exit('MemoryError')",
    "import sys; sys.exit('fork: retry: Resource temporarily unavailable')",
    "import sys; print('Killed: out of memory', file=sys.stderr); sys.exit(137)",
    "import sys; print('CPU time limit exceeded', file=sys.stderr); sys.exit(152)",
)
_DOES = (
    "import os; os.write(2, b'terminate called: std::bad_alloc\\n'); os.abort()",
    "import os; os._exit(124)",
    *(
        f"import os, signal\nsignal.signal(25, 0)\nos.kill(0, signal.SIG{name})"
        for name in _SIGNALS
    ),
    "import os, signal\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\nsignal.pause()",
    # Limits that it sets itself are no limits of its sandbox.
    "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1, 1))\nx = bytearray(1 << 24)",
    "import os, resource\nresource.setrlimit(resource.RLIMIT_NPROC, (1, 1))\nos.fork()\n1 / 0",
    "import os, resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass",
    # Almost all that it may have.
    "import os, time\nfor _ in range(13): os.fork() or time.sleep(9)\ntime.sleep(0.2)\n1 / 0",
    "hoard = b'x' * (100 << 20)\n1 / 0",
    "import time\nwhile time.process_time() < 1: pass\n1 / 0",
)


async def nobody_claims_an_outcome(backend: Backend) -> None:
    async with await backend.open(limits=_LIMITS) as box:
        for code in (*_SAYS, *_DOES):
            require_outcome(await box.python(code), RE)


async def no_run_claims_an_outcome(backend: Backend) -> None:
    for code in (*_SAYS, *_DOES):
        require_outcome(await backend.run_python(code, limits=_LIMITS), RE)


async def no_session_claims_an_outcome(backend: Backend) -> None:
    async with await backend.open(limits=_LIMITS) as box:
        for session in (await box.repl(), await backend.repl(limits=_LIMITS)):
            for code in _SAYS[:5]:
                require_outcome(await session.run(code), RE)
            require_outcome(await session.run("import os; os.kill(os.getpid(), 9)"), RE)
            await session.close()
        shell = await box.shell()
        for code in ("echo MemoryError >&2; false", "sh -c 'kill -XCPU $$'", "kill -9 $$"):
            require_outcome(await shell.run(code), RE)


async def memory_that_ran_out_is_not_hidden(backend: Backend) -> None:
    code = """
import os
hoard = []
try:
    while True: hoard.append(b"x" * (1 << 20))
except MemoryError: os._exit(3)
"""
    limits = Limits(memory_bytes=96 * MIB)
    require_outcome(await backend.run_python(code, limits=limits), MLE)
    async with await backend.open(limits=limits) as box:
        require_outcome(await box.python(code), MLE)
        require_outcome(
            await box.exec(["sh", "-c", 'python3 -c "$0" 2>/dev/null || exit 1', code]), MLE
        )
        require_outcome(await box.python("raise MemoryError"), RE)  # that was then


async def processes_that_failed_are_not_hidden(backend: Backend) -> None:
    code = """
import os, time
try:
    for _ in range(64): os.fork() or time.sleep(600)
except OSError:
    time.sleep(0.3)
    os._exit(3)
"""
    limits = Limits(processes=8)
    require_outcome(await backend.run_python(code, limits=limits), PLE)
    async with await backend.open(limits=limits) as box:
        require_outcome(await box.python(code), PLE)
        require_outcome(await box.python("raise BlockingIOError"), RE)


async def processor_time_is_not_hidden(backend: Backend) -> None:
    code = """
import os, signal
signal.signal(signal.SIGXCPU, lambda *_: os._exit(1))
while True: pass
"""
    limits = Limits(cpu_s=1, wall_s=20)
    require_outcome(await backend.run_python(code, limits=limits), TLE)


async def one_call_may_have_less_memory(backend: Backend) -> None:
    code = "import time\nhoard = b'x' * (100 << 20)\ntime.sleep(2)"
    async with await backend.open(limits=Limits(memory_bytes=192 * MIB)) as box:
        require_outcome(await box.python(code, limits=Limits(memory_bytes=64 * MIB)), MLE)
        require_outcome(await box.python(code.replace("2)", "0.2)")), Outcome.OK)
