"""Attacks by processes: survivors, daemons, and signals to neighbours."""

from __future__ import annotations

from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import PROMPT_S, require, require_outcome, require_within
from envgym.sandboxes.suites.attack_context import SMALL, AttackContext
from envgym.sandboxes.suites.attacks.attack import Attack, program, scene

DENIED, OK, PLE, RE, TLE = Outcome.DENIED, Outcome.OK, Outcome.PLE, Outcome.RE, Outcome.TLE

_BRIEF = SMALL.model_copy(update={"wall_s": 1.5})
_DAEMON = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        {first}
        time.sleep(600)
    os._exit(0)
os.wait()
safe("left a daemon")
"""
_DEAF = """
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
safe("deaf")
"""

ATTACKS: list[Attack] = [
    program(
        "signals_ignored",
        15,
        "ignores every signal that can be ignored, and sleeps",
        _DEAF + "time.sleep(600)",
        TLE,
        limits=_BRIEF,
    ),
    program(
        "signals_ignored_busy",
        15,
        "ignores the signal of its processor limit, and computes",
        _DEAF + "while True: pass",
        TLE,
        limits=SMALL.model_copy(update={"cpu_s": 0.3}),
    ),
    program(
        "catches_everything",
        16,
        "catches every exception, in a loop",
        """
safe("starts")
while True:
    try:
        while True: time.sleep(0.01)
    except BaseException: pass
""",
        TLE,
        limits=_BRIEF,
    ),
    program(
        "reborn",
        17,
        "changes its process number all the time: each child forks and exits",
        """
safe("starts")
while True:
    if os.fork(): os._exit(0)
    os.setsid()
""",
        OK,
        PLE,
        TLE,
        limits=_BRIEF,
    ),
    program(
        "zombies",
        17,
        "a hundred orphans, one after the other: somebody has to bury them",
        """
for _ in range(100):
    if os.fork() == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.wait()
    time.sleep(0.002)
safe("buried")
""",
    ),
    program(
        "kill_host_process",
        19,
        "kills a process of the host by its number",
        """
if HOST["victim"] in FOREIGN:
    tries("stop", lambda: [os.kill(HOST["victim"], signal.SIGSTOP)])
    tries("kill", lambda: [os.kill(HOST["victim"], signal.SIGKILL)])
""",
    ),
    program(
        "kill_every_number",
        19,
        "asks for every process number whether there is a process of another's",
        """
found = set()
for number in range(2, 70_000):
    try: os.kill(number, 0)
    except OSError as error:
        if error.errno != errno.EPERM: continue
    found.add(number)
strangers = found & FOREIGN
(leak if strangers else safe)("processes of the host", strangers)
""",
    ),
    program(
        "ptrace_parent",
        19,
        "traces its parent and reads its memory",
        """
def trace():
    if LIBC.ptrace(0x4206, os.getppid(), None, None) < 0:
        raise OSError(ctypes.get_errno(), "PTRACE_SEIZE")
    return "seized"
tries("ptrace", trace)
def memory():
    with open(f"/proc/{os.getppid()}/maps") as maps:
        first = int(maps.readline().split("-")[0], 16)
    with open(f"/proc/{os.getppid()}/mem", "rb", 0) as memory:
        memory.seek(first)
        return memory.read(4)
tries("memory", memory)
""",
        OK,
        DENIED,
    ),
    program(
        "stops_itself",
        20,
        "stops itself",
        "safe('starts')\nos.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(600)",
        TLE,
        limits=_BRIEF,
    ),
    program(
        "stops_its_group",
        20,
        "stops its process group",
        "safe('starts')\nos.kill(0, signal.SIGSTOP)\ntime.sleep(600)",
        TLE,
        limits=_BRIEF,
    ),
    program("kills_its_group", 20, "kills its process group", "safe('starts')\nos.kill(0, 9)", RE),
    program(
        "vfork_hangs",
        20,
        "hangs where no signal but SIGKILL arrives: a vfork whose child opens a pipe nobody writes",
        """
os.mkfifo("pipe")
safe("starts")
actions = [(os.POSIX_SPAWN_OPEN, 0, "pipe", os.O_RDONLY, 0)]
os.posix_spawn("/bin/true", ["true"], os.environ, file_actions=actions)
""",
        TLE,
        limits=_BRIEF,
    ),
]


async def _leaves(context: AttackContext, code: str) -> None:
    """Check that the run returns with the program's end, and that its leftovers are dead."""
    box = await context.box()
    async with require_within("the end of a program whose daemon lives", 3):
        await context.python(code)
    await context.gone("a daemon outlived its program")
    require_outcome(await box.exec(["true"]), OK)


@scene(ATTACKS, 17, "a daemon that holds standard output open", ends="OK, and it is dead")
async def daemon(context: AttackContext) -> None:
    await _leaves(context, _DAEMON.format(first="pass"))


@scene(ATTACKS, 17, "a daemon that let go of everything", ends="OK, and it is dead")
async def daemon_detached(context: AttackContext) -> None:
    await _leaves(context, _DAEMON.format(first="os.chdir('/'); os.closerange(0, 64)"))


@scene(ATTACKS, 17, "a daemon that ignores signals", ends="OK, and it is dead")
async def daemon_deaf(context: AttackContext) -> None:
    deaf = "[signal.signal(n, signal.SIG_IGN) for n in range(1, 32) if n not in (9, 19)]"
    await _leaves(context, _DAEMON.format(first=deaf))


@scene(ATTACKS, 17, "eight daemons, each in a session of its own", ends="OK, and they are dead")
async def daemons(context: AttackContext) -> None:
    code = _DAEMON.format(first="pass").replace("os.wait()", "")
    await _leaves(context, "for _ in range(3): os.fork()\n" + code)


@scene(ATTACKS, 17, "a daemon of a shell that has ended", ends="it is dead")
async def daemon_of_a_shell(context: AttackContext) -> None:
    box = await context.box()
    session = await box.shell()
    start = f"ENVGYM_ATTACK={context.token} setsid nohup sleep 600 >/dev/null 2>&1 &"
    async with require_within("a command that starts a daemon"):
        require_outcome(await session.run(start), OK)
    await session.close()
    await context.gone("a daemon outlived its shell")


@scene(ATTACKS, 17, "a daemon of a REPL that was killed for time", ends="TLE, and it is dead")
async def daemon_of_a_repl(context: AttackContext) -> None:
    session = await (await context.box()).repl()
    code = context.program(_DAEMON.format(first="pass") + "time.sleep(600)")
    context.check(await session.run(code, limits=_BRIEF), TLE)
    await context.gone("a daemon outlived its REPL")


async def _box_survives(context: AttackContext, code: str, *outcomes: Outcome) -> None:
    """Check that the run has an outcome, and that the sandbox works or reports its end."""
    box = await context.box()
    async with require_within("a run", SMALL.wall_s + PROMPT_S):
        await context.python(code, *outcomes)
    result = await box.exec(["echo", "again"])
    require(result.text == "again\n", "the box is of no use afterwards", result)


@scene(ATTACKS, 19, "kills all it can reach", ends="an outcome of its own", harmless=False)
async def kill_all(context: AttackContext) -> None:
    await _box_survives(context, "os.kill(-1, 9)\nsafe('lives')", OK, RE)


@scene(ATTACKS, 19, "kills its parent and its box's first process", harmless=False)
async def kill_parents(context: AttackContext) -> None:
    code = """
for number in {os.getppid(), 1}:
    for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV):
        try: os.kill(number, how)
        except OSError as error: safe(f"kill {number}", error)
time.sleep(0.1)
safe("lives")
"""
    await _box_survives(context, code, OK, RE)


@scene(ATTACKS, 19, "stops its parent and its box's first process", harmless=False)
async def stop_parents(context: AttackContext) -> None:
    code = """
for number in {os.getppid(), 1}:
    for how in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN):
        try: os.kill(number, how)
        except OSError as error: safe(f"stop {number}", error)
time.sleep(0.1)
safe("lives")
"""
    await _box_survives(context, code, OK, RE)


@scene(ATTACKS, 19, "floods its supervisor with signals", ends="OK", harmless=False)
async def signal_flood(context: AttackContext) -> None:
    code = """
for _ in range(20_000):
    for number in {os.getppid(), 1}:
        for how in (signal.SIGCHLD, signal.SIGUSR1, signal.SIGALRM, signal.SIGPIPE):
            try: os.kill(number, how)
            except OSError: pass
safe("lives")
"""
    await _box_survives(context, code, OK)


# What the kernel keeps of ended processes, until it clears them away, counts as their memory: here
# that is not to be what ends it.
_ROOMY = _BRIEF.model_copy(update={"memory_bytes": 1 << 30})


@scene(ATTACKS, 17, "forks while it is being killed", ends="TLE", limits=_ROOMY, harmless=False)
async def forks_while_killed(context: AttackContext) -> None:
    code = """
safe("starts")
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork(): os._exit(0)
            time.sleep(0.05)
    except OSError: pass
"""
    await context.python(code, TLE, PLE)
    await context.gone("a process was born while the others were killed")
