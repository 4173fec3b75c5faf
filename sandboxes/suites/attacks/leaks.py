"""Leaks between sandboxes, from earlier sandboxes, and from the host."""

from __future__ import annotations

import asyncio
import ctypes
import os
from unittest import mock

from envgym.sandboxes.base import Sandbox
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import require
from envgym.sandboxes.suites.attack_context import AttackContext
from envgym.sandboxes.suites.attacks.attack import Attack, program, scene
from envgym.sandboxes.suites.host_canaries import SECRET_VARIABLES

DENIED, OK = Outcome.DENIED, Outcome.OK

_PLACES = '("/tmp", "/dev/shm", "/var/tmp", "/run", "/run/lock", os.environ["TMPDIR"], os.getcwd())'

ATTACKS: list[Attack] = [
    program(
        "environment",
        30,
        "looks for keys and tokens in its environment",
        """
import subprocess
found = {**os.environ}
for line in subprocess.run(["env", "-0"], capture_output=True, text=True).stdout.split("\\0"):
    name, _, value = line.partition("=")
    found[name] = value
known = {"PATH", "HOME", "LANG", "TMPDIR", "ENVGYM_ATTACK", "LC_CTYPE", "PWD", "SHLVL", "_", ""}
for name, value in found.items():
    if HOST["prefix"] in value or name not in known: leak(name, value)
safe("looked", sorted(found))
""",
    ),
    program(
        "memory_of_the_zygote",
        30,
        "looks for the host's secrets in the memory that it was forked with",
        """
import gc, re
pattern = re.compile(HOST["prefix"].encode() + b"-[0-9a-f]{32}")
try: maps, memory = open("/proc/self/maps").readlines(), open("/proc/self/mem", "rb", 0)
except OSError: safe("no way to look")
else:
    for line in maps:
        span, modes, *_ = line.split()
        if "r" not in modes or "[v" in line: continue
        first, last = (int(edge, 16) for edge in span.split("-"))
        try:
            memory.seek(first)
            found = pattern.search(memory.read(last - first))
        except (OSError, ValueError, OverflowError): continue
        if found: leak("in memory at " + line.strip(), "the secret")
for thing in gc.get_objects():
    if type(thing) is dict and "OPENAI_API_KEY" in thing: leak("in a dict")
safe("looked")
""",
        OK,
        says=("SAFE",),
    ),
    program(
        "name_of_the_host",
        None,
        "asks for the name of the host",
        """
found = {os.uname().nodename, socket.gethostname()}
for path in ("/etc/hostname", "/proc/sys/kernel/hostname"):
    try: found.add(open(path).read().strip())
    except OSError: pass
(leak if HOST["name"] in found else safe)("host name", found)
""",
    ),
]


@scene(ATTACKS, 30, "looks for keys and tokens in sessions and other programs", ends="none there")
async def environment_of_sessions(context: AttackContext) -> None:
    box = await context.box()
    shell, repl = await box.shell(), await box.repl()
    for result in (
        await box.exec(["env"]),
        await box.exec(["sh", "-c", "export; cat /proc/self/environ /proc/$PPID/environ"]),
        await shell.run("env; export -p; cat /proc/self/environ /proc/$$/environ"),
        await repl.run("import os; print(dict(os.environ), open('/proc/self/environ').read())"),
    ):
        context.check(result, OK, Outcome.RE)
        for name in SECRET_VARIABLES:
            require(name not in result.text, f"{name} is in the environment", result)


async def _two(context: AttackContext, leaves: str, finds: str, *expects: Outcome) -> None:
    """Check that no sandbox finds another's data, during the other's life and after its end."""
    one = await context.another()
    living = await one.repl()
    context.check(await living.run(context.program(leaves)), OK, *expects)
    other = await context.another()
    await context.python(finds, OK, *expects, box=other)
    await one.close()
    await context.python(finds, OK, *expects, box=other)
    third = await context.another()
    await context.python(finds, OK, *expects, box=third)


@scene(ATTACKS, 34, "leaves files for another box", ends="not found")
async def files_across(context: AttackContext) -> None:
    leaves = f"""
for folder in {_PLACES}:
    try: open(f"{{folder}}/{{TOKEN}}", "w").write("left")
    except OSError: pass
"""
    finds = f"""
for folder in {_PLACES}:
    try: names = os.listdir(folder)
    except OSError: continue
    (leak if TOKEN in names else safe)(folder, names)
"""
    await _two(context, leaves, finds)


@scene(ATTACKS, 34, "leaves System V and POSIX memory, semaphores and queues", ends="not found")
async def ipc_across(context: AttackContext) -> None:
    keys = """
KEY = int(TOKEN[2:9], 16)
def shared(flags): return LIBC.shmget(KEY, 4096, flags)
def semaphore(flags): return LIBC.semget(KEY, 1, flags)
def queue(flags): return LIBC.msgget(KEY, flags)
try: RT = ctypes.CDLL("librt.so.1", use_errno=True)
except OSError: RT = LIBC
NAME = b"/" + TOKEN.encode()
def mode(flags): return os.O_RDWR | (os.O_CREAT if flags & 0o1000 else 0)
def posix_queue(flags): return RT.mq_open(NAME, mode(flags), 0o600, None)
def posix_memory(flags): return RT.shm_open(NAME, mode(flags), 0o600)
KINDS = (shared, semaphore, queue, posix_queue, posix_memory)
"""
    leaves = keys + "made = [kind(0o1600) for kind in KINDS]\n"
    finds = keys + "for kind in KINDS: (leak if kind(0o600) >= 0 else safe)(kind.__name__)\n"
    try:
        await _two(context, leaves, finds, DENIED)
    finally:
        await asyncio.to_thread(_remove_ipc, int(context.token[2:9], 16), context.token)


def _remove_ipc(key: int, token: str) -> None:
    """Clean up the host after a successful attack: IPC objects outlive every process."""
    libc = ctypes.CDLL(None)
    for get, control, arguments in (
        (libc.shmget, libc.shmctl, (key, 0, 0o600)),
        (libc.semget, libc.semctl, (key, 0, 0o600)),
        (libc.msgget, libc.msgctl, (key, 0o600)),
    ):
        if (id := get(*arguments)) >= 0:
            control(id, 0, 0) if get is not libc.semget else control(id, 0, 0, 0)
    libc.mq_unlink(f"/{token}".encode())
    libc.shm_unlink(f"/{token}".encode())


@scene(ATTACKS, 34, "sees the processes of another box, signals and traces them", ends="not found")
async def processes_across(context: AttackContext) -> None:
    one = await context.another()
    living = await one.repl()
    context.check(await living.run(context.program("safe('lives')")), OK)
    numbers = [int(found.split()[1]) for found in context.survivors()]
    finds = f"""
import subprocess
for number in processes():
    try: name = open(f"/proc/{{number}}/comm").read().strip()
    except OSError: continue
    if name == TOKEN and number != os.getpid(): leak("a process of another box", number)
for number in set({numbers}) - {{os.getpid(), os.getppid(), 1}}:
    tries(number, lambda: [os.kill(number, 0)])
    tries(number, lambda: os.listdir(f"/proc/{{number}}/fd"))
safe("looked")
"""
    await context.python(finds, box=await context.another(), says=["SAFE"])
    result = await living.run("print('still here')")
    require(result.text == "still here\n", "the other box was disturbed", result)


@scene(ATTACKS, 34, "signals another box by locking a file that both may read", ends="not seen")
async def locks_across(context: AttackContext) -> None:
    one = await context.another()
    living = await one.repl()
    leaves = """
import fcntl
held = [open(path) for path in ("/etc/passwd", "/bin/sh", "/dev/null", "/dev/zero", os.__file__)]
for file in held:
    try: fcntl.flock(file, fcntl.LOCK_EX)
    except OSError: pass
"""
    context.check(await living.run(context.program(leaves)), OK)
    finds = """
import fcntl
for path in ("/etc/passwd", "/bin/sh", "/dev/null", "/dev/zero", os.__file__):
    file = open(path)
    try: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError: leak("a lock of another box", path)
    except OSError as error: safe(path, error)
    else: safe(path)
"""
    await context.python(finds, box=await context.another(), says=["SAFE"])


@scene(ATTACKS, 32, "leaves a key in the kernel's keyring for another box", ends="not found")
async def keys_across(context: AttackContext) -> None:
    calls = """
ADD, KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]
"""
    leaves = (
        calls
        + "for ring in (-3, -4, -5): LIBC.syscall(ADD, b'user', TOKEN.encode(), b'x', 1, ring)"
    )
    finds = (
        calls
        + """
for ring in (-3, -4, -5):
    found = LIBC.syscall(KEYCTL, 10, ring, b"user", TOKEN.encode(), 0)
    (leak if found > 0 else safe)("keyring", ring)
"""
    )
    await _two(context, leaves, finds, DENIED)


@scene(
    ATTACKS, 35, "changes everything that a next run might inherit", ends="the next run is fresh"
)
async def state_across(context: AttackContext) -> None:
    spoils = """
import atexit, builtins, gc, random, resource
os.environ["ENVGYM_SPOILED"] = "1"
os.umask(0o777); os.chdir("/"); os.nice(5)
builtins.print = builtins.open = builtins.__import__ = None
json.loads = json.dumps = None
sys.path.insert(0, "/spoiled"); sys.modules["re"] = None; sys.setrecursionlimit(80)
sys.argv.append("spoiled"); sys.settrace(lambda *a: None); gc.disable()
signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGPIPE, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
atexit.register(lambda: os.write(1, b"spoiled at exit\\n"))
random.seed(0)
"""
    fresh = """
import gc, re, resource
mask = os.umask(0)
for name, fine in {
    "environment": "ENVGYM_SPOILED" not in os.environ, "umask": mask in (0o022, 0o077),
    "folder": os.getcwd() != "/", "builtins": all((print, open, __import__)),
    "modules": json.loads("1") == 1 and re is not None, "path": "/spoiled" not in sys.path,
    "arguments": "spoiled" not in sys.argv, "recursion": sys.getrecursionlimit() >= 1000,
    "signals": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
    "nice": os.nice(0) < HOST["nice"] + 5,
    "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 8, "collector": gc.isenabled(),
    "trace": sys.gettrace() is None,
}.items(): (safe if fine else leak)(name)
"""
    for box in (await context.box(), await context.another()):
        await context.python(spoils)
        await context.python(fresh, box=box, says=["SAFE"])


@scene(
    ATTACKS,
    38,
    "plants modules that a later interpreter would load",
    ends="not loaded",
    harmless=False,
)
async def modules_across(context: AttackContext) -> None:
    plants = """
import site, sysconfig
# Where it got out, the host's own interpreters do not load it: their folder is not their home.
evil = "import os; os.getcwd() == os.environ.get('HOME') and os.write(1, b'LEAK planted\\\\n')\\n"
home, user = os.path.expanduser("~"), site.getusersitepackages()
for folder in {user, home, *sysconfig.get_paths().values(), *sys.path, "/tmp", "/"}:
    own = folder.startswith(home + "/") or folder == home != HOST["home"]
    for name in (f"{TOKEN}.pth", *(["sitecustomize.py", "usercustomize.py"] if own else [])):
        try:
            os.makedirs(folder, exist_ok=True)
            open(f"{folder}/{name}", "x").write(evil)
        except OSError: pass
if home != HOST["home"]:
    for name in (".bashrc", ".profile", ".bash_profile", ".inputrc"):
        try: open(f"{home}/{name}", "w").write("echo LEAK a planted profile\\n")
        except OSError: pass
safe("planted")
"""
    await context.python(plants)
    other = await context.another()
    await context.python("import json\nprint('fine')", box=other, says=["fine"])
    for argv in (["python3", "-c", "print('fine')"], ["bash", "-lc", "echo fine"]):
        result = context.check(await other.exec(argv), OK)
        require(result.text == "fine\n", "something was planted", result)


@scene(ATTACKS, 35, "two runs draw the same random numbers, since they were forked alike")
async def randomness_across(context: AttackContext) -> None:
    code = """
import random, secrets, tempfile, uuid
try:
    import numpy
    more = numpy.random.rand()
except ImportError: more = secrets.token_hex(8)
print(random.random(), secrets.token_hex(8), uuid.uuid4(), tempfile.mktemp(), more)
"""
    boxes = [await context.box(), await context.box(), await context.another()]
    drawn = [(await context.python(code, box=box)).text.split() for box in boxes]
    for numbers in zip(*drawn, strict=True):
        require(len(set(numbers)) == 3, f"forked alike, they drew alike: {numbers}")


@scene(ATTACKS, 30, "a variable set in the host after the backend was opened", ends="not there")
async def environment_set_later(context: AttackContext) -> None:
    async def looks(box: Sandbox) -> None:
        result = await box.exec(["env"])
        require("ENVGYM_LATER" not in result.text, "the host's environment is handed on", result)

    with mock.patch.dict(os.environ, {"ENVGYM_LATER": context.host.secret}):
        await looks(await context.box())
        await looks(await context.another())
