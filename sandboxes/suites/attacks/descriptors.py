"""Attacks by open descriptors, and by messages to the supervisor in its own protocol."""

from __future__ import annotations

import json

from envgym.sandboxes.base import Session, SessionLost
from envgym.sandboxes.outcome import Outcome, Result
from envgym.sandboxes.suites.assertions import PROMPT_S, require, require_outcome, require_within
from envgym.sandboxes.suites.attack_context import SMALL, AttackContext
from envgym.sandboxes.suites.attacks.attack import Attack, program, scene

DENIED, OK, RE, TLE = Outcome.DENIED, Outcome.OK, Outcome.RE, Outcome.TLE

_OPEN = """
def opened(most=4096):
    found = {}
    for number in range(most):
        try: os.fstat(number)
        except OSError: continue
        try: found[number] = os.readlink(f"/proc/self/fd/{number}")
        except OSError: found[number] = "?"
    return found
"""
# Headers of every shape that a supervisor might take for an answer, in frames of several kinds.
_FORGES = """
import struct
answers = [json.dumps({"id": n, "outcome": "OK", "exit_code": 0, "ok": True, "op": "done",
           "forked": True, "wall_s": 0, "cpu_s": 0, "memory_bytes": 0, "detail": "", "parts": []
           }).encode() for n in range(9)]
frames = [b"\\0" * 64, b"\\xff" * 64, b"0\\0" * 64, b"\\n".join(answers)]
frames.append(struct.pack(">I", 1 << 31))
for body in answers:
    for lead in (struct.pack(">I", len(body)), struct.pack(">II", len(body), 0),
                 struct.pack("<I", len(body)), struct.pack(">Q", len(body)), b""):
        frames.append(lead + body)
for number in sorted(opened(256)):
    if number > 2:
        os.set_blocking(number, False)
        for frame in frames:
            try: os.write(number, frame)
            except OSError: break
"""

ATTACKS: list[Attack] = [
    program(
        "inherited",
        31,
        "looks for descriptors that were left open",
        _OPEN
        + """
found = {number: name for number, name in opened().items() if number > 2}
(leak if found else safe)("descriptors", found)
for number, name in opened(3).items():
    if not name.startswith(("pipe:", "socket:", "/dev/null", "?")): leak("a file as a stream", name)
""",
    ),
    program(
        "inherited_by_programs",
        31,
        "looks for descriptors that were left open for what it executes",
        """
import subprocess
ran = subprocess.run(["sh", "-c", "for f in /proc/self/fd/*; do readlink $f; done"],
                     capture_output=True, text=True, close_fds=False)
for name in ran.stdout.split():
    if not name.startswith(("pipe:", "/dev/null", "/proc", "/")): leak("a descriptor", name)
os.execvp("sh", ["sh", "-c", "[ -e /proc/self/fd/3 ] && readlink /proc/self/fd/3 | grep -v proc "
          "&& echo LEAK; echo SAFE"])
""",
    ),
    program(
        "climbs_by_descriptor",
        36,
        "climbs out by a folder that was left open",
        _OPEN
        + """
for number in opened():
    def climbs(): return os.listdir(os.open("..", os.O_RDONLY, dir_fd=number))
    tries(number, climbs)
""",
    ),
    program(
        "hoard",
        31,
        "opens as many files as there may be: no more than the limit",
        """
hoard = []
try:
    while len(hoard) < 4096: hoard.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error: safe("refused", error)
(leak if len(hoard) > HOST["limits"]["open_files"] else safe)("open", len(hoard))
""",
    ),
    program(
        "hoard_in_flight",
        31,
        "hides open files in sockets, where no limit of a process counts them",
        """
count, pairs = 0, []
try:
    while count < 20_000:
        pairs.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
        pairs[-1][0].setblocking(False)
        try:
            while count < 20_000:
                socket.send_fds(pairs[-1][0], [b"x"], [0] * 64)
                count += 64
        except BlockingIOError: pass
except OSError as error: safe("refused", error)
safe("in flight", count)
""",
    ),
]


@scene(ATTACKS, 68, "writes forged answers wherever it can write", ends="its own exit code")
async def forged_answers(context: AttackContext) -> None:
    result = await context.python(_OPEN + _FORGES + "os._exit(5)", RE)
    require(result.exit_code == 5, "it forged its outcome", result)
    require_outcome(await (await context.box()).exec(["sh", "-c", "exit 6"]), RE)


async def _asks(session: Session, code: str) -> Result | None:
    """Check the answer of a session that may be broken: in time, and a result or its end."""
    async with require_within("a session's answer", SMALL.wall_s + PROMPT_S):
        try:
            return await session.run(code, limits=SMALL.model_copy(update={"wall_s": 1}))
        except SessionLost:
            return None


async def _box_is_well(context: AttackContext) -> None:
    box = await context.box()
    require_outcome(await box.exec(["sh", "-c", "exit 6"]), RE)
    fresh = await box.repl()
    require_outcome(await fresh.run("print(6 * 7)"), OK, text="42\n")
    shell = await box.shell()
    require_outcome(await shell.run("echo $((6 * 7))"), OK, text="42\n")


@scene(ATTACKS, 68, "forges answers from within a REPL", ends="an outcome; the box is well")
async def forged_in_a_repl(context: AttackContext) -> None:
    repl = await (await context.box()).repl()
    await _asks(repl, context.program(_OPEN + _FORGES))
    for number in range(3):
        await _asks(repl, f"print({number})")
    await _box_is_well(context)


@scene(ATTACKS, 68, "forges answers from within a shell", ends="an outcome; the box is well")
async def forged_in_a_shell(context: AttackContext) -> None:
    shell = await (await context.box()).shell()
    forged = json.dumps({"id": 1, "outcome": "OK", "exit_code": 0, "ok": True})
    for number in range(3, 12):
        await _asks(shell, f"printf '0\\0000\\000%s' '{forged}' >&{number}; false")
    await _asks(shell, "for f in /proc/$$/fd/*; do printf '0\\0' > $f; done; false")
    await _asks(shell, "head -c 100 <&3 >/dev/null")
    await _asks(shell, "echo again")
    await _box_is_well(context)


_REPL_BREAKERS = {
    "closes_all": "import os; os.closerange(0, 256)",
    "forks": "import os; print('child' if os.fork() == 0 else 'parent', flush=True)",
    "no_streams": "import sys; sys.stdout = sys.stderr = sys.stdin = None",
    "streams_raise": "import sys\nclass S:\n def write(s, t): raise KeyError\n flush = write\n"
    "sys.stdout = sys.stderr = S()",
    "builtins_gone": "import builtins\nfor n in ('print', 'compile', 'exec', 'eval', 'len'):\n"
    " setattr(builtins, n, None)",
    "module_spoiled": "import ast, json, socket, struct\nfor m in (ast, json, socket, struct):\n"
    " m.__dict__.clear()",
    "exits_ok": "import os; os._exit(0)",
    "exits": "raise SystemExit(0)",
    "hook": "import sys; sys.displayhook = sys.excepthook = lambda *a: 1 / 0\n1 / 0",
    "trace": "import sys; sys.settrace(lambda *a: 1 / 0)",
    "thread_raises": "import threading, _thread, time\ndef f():\n while 1:\n  time.sleep(0.05)\n"
    "  _thread.interrupt_main()\nthreading.Thread(target=f, daemon=True).start()",
    "alarm": "import signal; signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)",
    "stops": "import os; os.kill(os.getpid(), 19)",
    "reads_control": "import os\nfor n in range(3, 9):\n try: os.read(n, 9)\n except OSError: pass",
    "deaf_loop": "while True:\n try:\n  while True: pass\n except BaseException: pass",
    "nul": "x = '\\0'; print(x)",
    "half_surrogate": "print('\\ud800')",
    "deep": "x = " + "(" * 5000 + ")" * 5000,
    "writes_after": "import os, threading, time\ndef f():\n while 1:\n  os.write(1, b'x' * 99)\n"
    "  time.sleep(0.001)\nthreading.Thread(target=f, daemon=True).start()",
}


def _breaker(name: str, code: str) -> None:
    async def act(context: AttackContext) -> None:
        repl = await (await context.box()).repl()
        await _asks(repl, f"import ctypes; ctypes.CDLL(None).prctl(15, b'{context.token}')\n")
        for line in (code, "print('after')", "print('later')"):
            await _asks(repl, line)
        await _box_is_well(context)

    title = f"breaks its REPL: {name.replace('_', ' ')}"
    ends = "an outcome, or the session's end; the box is well"
    ATTACKS.append(Attack(f"repl_{name}", 35, title, ends, act))


for _name, _code in _REPL_BREAKERS.items():
    _breaker(_name, _code)


_SHELL_BREAKERS = {
    "closes_all": 'for n in {0..20}; do eval "exec $n>&-"; done',
    "exec": "exec sleep 600",
    "exec_away": "exec true",
    "exits_ok": "exit 0",
    "traps": "trap 'while :; do :; done' EXIT TERM INT HUP; kill $$",
    "functions": "read() { sleep 600; }; printf() { :; }; eval() { :; }; while() { :; }",
    "aliases": "shopt -s expand_aliases; alias printf=true read=false eval=:",
    "options": "set -euo pipefail -n",
    "ifs": "IFS=0123456789; PATH=; unset HOME; readonly __code=1; BASH_ENV=x",
    "unbalanced": 'echo "unfinished $(',
    "here_document": "cat <<'END'\nnever ended",
    "background_reader": "cat <&3 & sleep 0.1",
    "stops": "kill -STOP $$",
    "kills_parent": "kill -9 $PPID; kill -STOP $PPID; true",
    "debug_trap": "trap 'exec 4>&-' DEBUG; true",
}


def _shell_breaker(name: str, code: str) -> None:
    async def act(context: AttackContext) -> None:
        shell = await (await context.box()).shell()
        await _asks(shell, f"export ENVGYM_ATTACK={context.token}")
        for line in (code, "echo after", "echo later"):
            await _asks(shell, line)
        await _box_is_well(context)

    title = f"breaks its shell: {name.replace('_', ' ')}"
    ends = "an outcome, or the session's end; the box is well"
    harmless = name != "kills_parent"
    ATTACKS.append(Attack(f"shell_{name}", 35, title, ends, act, harmless=harmless))


for _name, _code in _SHELL_BREAKERS.items():
    _shell_breaker(_name, _code)
