"""Attacks on resources: processes, threads, memory in all its forms, time."""

from __future__ import annotations

import asyncio

from envgym.sandboxes.limits import MIB
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import require, require_outcome
from envgym.sandboxes.suites.attack_context import SMALL, AttackContext
from envgym.sandboxes.suites.attacks.attack import Attack, program, scene

DENIED, MLE, OK = Outcome.DENIED, Outcome.MLE, Outcome.OK
PLE, RE, TLE = Outcome.PLE, Outcome.RE, Outcome.TLE

_BRIEF = SMALL.model_copy(update={"wall_s": 1.0, "cpu_s": 1.0})
_FORK_BOMB = "while True:\n    os.fork()\n"
_DEAF_FORK_BOMB = """
while True:
    try: os.fork()
    except OSError: pass
"""

ATTACKS: list[Attack] = [
    program(
        "fork_bomb",
        1,
        "fork bomb",
        _FORK_BOMB,
        PLE,
        TLE,
        RE,  # where no control group counts, and all have ended before anybody looks
        says=(),
        limits=_BRIEF,
        harmless=False,
    ),
    program(
        "fork_bomb_deaf",
        1,
        "fork bomb that goes on when a fork fails",
        _DEAF_FORK_BOMB,
        PLE,
        TLE,
        says=(),
        limits=_BRIEF,
        harmless=False,
    ),
    program(
        "spawn_hoard",
        1,
        "as many sleeping children as there may be: no more than the limit",
        """
import subprocess
count = 0
try:
    while count < 4 * HOST["limits"]["processes"]:
        subprocess.Popen(["sleep", "600"])
        count += 1
except OSError: pass
(leak if count > HOST["limits"]["processes"] else safe)("children", count)
""",
        OK,
        PLE,
    ),
    program(
        "thread_bomb",
        2,
        "thread bomb",
        """
count = 0
try:
    while count < 4 * HOST["limits"]["processes"]:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        count += 1
except RuntimeError:
    (leak if count > HOST["limits"]["processes"] else safe)("threads", count)
    time.sleep(0.3)
    raise
leak("threads", count)
""",
        PLE,
    ),
    program(
        "memory_bytes",
        3,
        "memory bomb of large blocks",
        "hoard = []\nsafe('starts')\nfor _ in range(1024): hoard.append(b'x' * (1 << 20))\nleak(1)",
        MLE,
    ),
    program(
        "memory_mmap",
        3,
        "memory bomb of populated anonymous mappings",
        """
import mmap
safe("starts")
flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
hoard = [mmap.mmap(-1, 4 << 20, flags=flags) for _ in range(256)]
leak("mapped", len(hoard))
""",
        MLE,
        RE,
    ),
    program(
        "memory_shared_mapping",
        3,
        "memory bomb of shared anonymous mappings, which are files to the kernel",
        """
import mmap
safe("starts")
hoard = []
for _ in range(256):
    hoard.append(mmap.mmap(-1, 4 << 20))
    hoard[-1].write(b"x" * (4 << 20))
leak("mapped", len(hoard))
""",
        MLE,
        RE,
    ),
    program(
        "memory_small_objects",
        3,
        "memory bomb of many small objects",
        "safe('starts')\nhoard = [[i] for i in range(20_000_000)]\nleak('objects', len(hoard))",
        MLE,
    ),
    program(
        "memory_one_block",
        3,
        "one block of a terabyte",
        "safe('starts')\nhoard = bytearray(1 << 40)\nleak('bytes', len(hoard))",
        MLE,
        RE,
    ),
    program(
        "memory_many_processes",
        3,
        "memory bomb spread over children, each of them under the limit",
        """
safe("starts")
reading, writing = os.pipe()
for _ in range(8):
    if not os.fork():
        hoard = b"x" * (40 << 20)
        os.write(writing, b"x")
        time.sleep(600)
for _ in range(8):
    os.read(reading, 1)
leak("MiB", 8 * 40)
""",
        MLE,
        TLE,
        limits=_BRIEF,
    ),
    program(
        "memory_temporary_files",
        4,
        "memory bomb through every folder that can be written",
        """
most = HOST["limits"]["disk_bytes"] + HOST["limits"]["memory_bytes"]
for folder in (os.getcwd(), "/tmp", "/dev/shm", "/var/tmp", "/run", "/run/lock", "/dev/mqueue"):
    total, number = 0, 0
    try:
        while total <= most:
            with open(f"{folder}/{TOKEN}-{number}", "wb", 0) as file:
                number += 1
                total += file.write(b"x" * HOST["limits"]["file_bytes"])
    except OSError: pass
    for name in range(number):
        try: os.unlink(f"{folder}/{TOKEN}-{name}")
        except OSError: pass
    (leak if total > most else safe)(folder, total)
""",
        OK,
        MLE,
        says=(),
    ),
    program(
        "memory_shm_open",
        4,
        "memory bomb of POSIX shared memory",
        """
from _posixshmem import shm_open, shm_unlink
total, hoard = 0, []
try:
    for number in range(256):
        name = f"/{TOKEN}-{number}"
        hoard.append(shm_open(name, os.O_CREAT | os.O_RDWR, 0o600))
        shm_unlink(name)
        total += os.write(hoard[-1], b"x" * (1 << 20))
except OSError: pass
most = HOST["limits"]["disk_bytes"] + HOST["limits"]["memory_bytes"]
(leak if total > most else safe)("bytes", total)
""",
        OK,
        MLE,
        says=(),
    ),
    program(
        "memory_memfd",
        4,
        "memory bomb of files that have no name",
        """
total, hoard = 0, []
try:
    for number in range(256):
        hoard.append(os.memfd_create(TOKEN))
        for _ in range(16):
            total += os.write(hoard[-1], b"x" * (1 << 20))
except OSError: pass
(leak if total > 2 * HOST["limits"]["memory_bytes"] else safe)("bytes", total)
""",
        OK,
        MLE,
        says=(),
        limits=SMALL.model_copy(update={"file_bytes": 16 * MIB}),
    ),
    program(
        "memory_pipes",
        4,
        "memory bomb in the buffers of pipes",
        """
total, hoard = 0, []
try:
    while len(hoard) < 2000:
        reading, writing = os.pipe()
        hoard += [reading, writing]
        try: __import__("fcntl").fcntl(writing, 1031, 1 << 20)
        except OSError: pass
        os.set_blocking(writing, False)
        try:
            while True: total += os.write(writing, b"x" * 65536)
        except BlockingIOError: pass
except OSError: pass
(leak if total > 2 * HOST["limits"]["memory_bytes"] else safe)("bytes", total)
""",
        OK,
        MLE,
        says=(),
        limits=SMALL.model_copy(update={"open_files": 1024}),
    ),
    program(
        "memory_sysv",
        4,
        "memory bomb of System V shared memory, which outlives its maker",
        """
LIBC.shmat.restype = ctypes.c_void_p
total, hoard = 0, []
for _ in range(256):
    id = LIBC.shmget(0, 4 << 20, 0o600 | 0o1000)
    if id < 0: break
    hoard.append(id)
    address = LIBC.shmat(id, None, 0)
    if address in (None, ctypes.c_void_p(-1).value): break
    ctypes.memset(address, 1, 4 << 20)
    LIBC.shmctl(id, 0, None)
    total += 4 << 20
(leak if total > 2 * HOST["limits"]["memory_bytes"] else safe)("bytes", total)
""",
        OK,
        MLE,
        says=(),
    ),
    program(
        "stack_recursion",
        5,
        "recursion without end in Python",
        "safe('starts')\nsys.setrecursionlimit(1 << 30)\ndef f(): return f() + 1\nf()",
        RE,
        MLE,
    ),
    program(
        "stack_overflow",
        5,
        "recursion without end through C",
        """
safe("starts")
sys.setrecursionlimit(1 << 30)
class Deep:
    def __repr__(self): return repr(self)
repr(Deep())
""",
        RE,
        MLE,
    ),
    program(
        "sleep_forever",
        13,
        "sleeps for ever, at no processor time",
        "safe('starts')\ntime.sleep(1e6)",
        TLE,
        limits=SMALL.model_copy(update={"wall_s": 1.5}),
    ),
    program(
        "busy_loop",
        14,
        "computes for ever",
        "safe('starts')\nwhile True: pass",
        TLE,
        limits=SMALL.model_copy(update={"cpu_s": 0.3}),
    ),
    program(
        "busy_children",
        14,
        "computes for ever, in children that nobody waits for",
        "safe('starts')\nfor _ in range(3): os.fork()\nwhile True: pass",
        TLE,
        limits=SMALL.model_copy(update={"cpu_s": 0.5, "wall_s": 8}),
    ),
    program(
        "sets_the_clock",
        39,
        "sets the clock of the machine",
        """
def set_it():
    time.clock_settime(time.CLOCK_REALTIME, time.time())
    return "set"
tries("set the clock", set_it)
""",
        OK,
        DENIED,
    ),
    program(
        "clock_tricks",
        39,
        "changes the clock it is measured by",
        """
safe("starts")
time.time = time.monotonic = time.perf_counter = time.process_time = lambda: 0.0
while True: pass
""",
        TLE,
        limits=SMALL.model_copy(update={"cpu_s": 0.3}),
    ),
    program(
        "rlimit_raise",
        40,
        "raises its own limits",
        """
import resource
kinds = [name for name in dir(resource) if name.startswith("RLIMIT_")]
for name in kinds:
    hard = resource.getrlimit(getattr(resource, name))[1]
    if hard != resource.RLIM_INFINITY:
        wanted = (hard + 1, hard + 1)
        tries(name, lambda: [resource.setrlimit(getattr(resource, name), wanted)])
""",
    ),
    program(
        "priority",
        40,
        "takes precedence over others",
        """
tries("nice", lambda: os.nice(-20))
tries("scheduler", lambda: [os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))])
def last():
    os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"-1000")
    return "-1000"
tries("out of memory last", last)
def ionice():
    if LIBC.syscall({"x86_64": 251, "aarch64": 30}[os.uname().machine], 1, 0, 1 << 13) < 0:
        raise OSError(ctypes.get_errno(), "ioprio_set")
    return "real-time input and output"
tries("ionice", ionice)
""",
    ),
    program(
        "core_dump",
        41,
        "dies with a core dump",
        """
import resource
try: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
except (OSError, ValueError): pass
safe("starts")
hoard = b"x" * (8 << 20)
os.abort()
""",
        RE,
    ),
]


@scene(ATTACKS, 1, "a neighbour works on while a fork bomb runs", limits=_BRIEF, harmless=False)
async def fork_bomb_next_door(context: AttackContext) -> None:
    await context.box()
    neighbour = await context.another(SMALL)
    bomb = context.start(context.python(_DEAF_FORK_BOMB, PLE, TLE))
    await asyncio.sleep(0.2)
    code = "import subprocess\nprint(subprocess.run(['echo', '1'], capture_output=True).stdout)"
    for _ in range(3):
        require_outcome(await neighbour.python(code), OK, text="b'1\\n'\n")
    await bomb


@scene(ATTACKS, 1, "bash's own fork bomb", ends="any of its own", limits=_BRIEF, harmless=False)
async def fork_bomb_bash(context: AttackContext) -> None:
    await context.exec(["bash", "-c", "b() { b | b & }; b; wait; sleep 9"], OK, RE, PLE, TLE)


@scene(
    ATTACKS,
    14,
    "computes for ever, in children of which each hands on before its time is up",
    ends="TLE for processor time",
    limits=SMALL.model_copy(update={"cpu_s": 0.5, "wall_s": 5}),
)
async def busy_relay(context: AttackContext) -> None:
    code = """
safe("starts")
while True:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    else:
        began = time.process_time()
        while time.process_time() < began + 0.1: pass
        os._exit(0)
"""
    result = await context.python(code, TLE, says=["SAFE"])
    require(result.wall_s < 4.5, "only the clock ended it", result)
