"""Attacks by observation: events of shared files, and counters of the whole machine."""

from __future__ import annotations

import os

from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.attack_context import AttackContext
from envgym.sandboxes.suites.attacks.attack import Attack, program, scene

DENIED, OK = Outcome.DENIED, Outcome.OK

ATTACKS: list[Attack] = [
    program(
        "load_of_the_machine",
        None,
        "reads how busy the machine is, and how much of its memory is taken",
        """
for name in ("loadavg", "stat", "meminfo", "vmstat", "uptime", "interrupts", "schedstat"):
    tries(name, lambda: open(f"/proc/{name}").read(200) or None)
tries("sysinfo", lambda: None if LIBC.sysinfo(ctypes.create_string_buffer(256)) else "told")
""",
        OK,
        DENIED,
    ),
]

_WATCH = """
import fcntl, select
folder, file = os.path.dirname(os.__file__), json.__file__
seen, events = [], select.poll()
for number in (signal.SIGIO, signal.SIGURG): signal.signal(number, lambda n, f: seen.append(n))
watcher = LIBC.inotify_init1(os.O_NONBLOCK)
if watcher >= 0:
    if LIBC.inotify_add_watch(watcher, folder.encode(), 0x3f) < 0: safe("no watch")
    else: events.register(watcher, select.POLLIN)
else: safe("no inotify")
for name, order, value, path in (
    ("dnotify", 1026, 0x80000001, folder), ("lease", 1024, fcntl.F_RDLCK, file),
):
    try: fcntl.fcntl(os.open(path, os.O_RDONLY), order, value)
    except OSError as error: safe(name, error)
"""
_FOUND = """
time.sleep(0.05)
if watcher >= 0 and events.poll(0): leak("an event", os.read(watcher, 4096))
if seen: leak("a signal", seen)
safe("looked")
"""


@scene(ATTACKS, 34, "watches the files of the system, which others use too", ends="sees nothing")
async def watches_files(context: AttackContext) -> None:
    one = await context.another()
    watcher = await one.repl()
    context.check(await watcher.run(context.program(_WATCH)), OK, DENIED)
    await context.python("open(json.__file__).read(); print('used')", says=["used"])
    os.listdir(os.path.dirname(os.__file__))
    context.check(await watcher.run(_FOUND), OK, DENIED, says=["SAFE"])
