"""Launch of a program, from the fork to its first instruction: limits, descriptors, confinement."""

from __future__ import annotations

import _signal
import ctypes
import math
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from envgym.sandboxes.supervisor.child.fork_hooks import give_hooks
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.messages import ProgramLimits

_LIBC = ctypes.CDLL(None, use_errno=True)
_PDEATHSIG, _SUBREAPER = 1, 36
# As numbers, by the module below `signal`: to make members of enumerations copies pages.
_DEFAULT = int(signal.SIG_DFL)
_SIGNALS = (*map(int, (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT, signal.SIGTERM)),)
_SLACK = 256 << 20  # address space that an interpreter reserves and never touches


def adopt_orphans() -> None:
    """Become the parent of descendants whose parents have ended."""
    _LIBC.prctl(_SUBREAPER, 1, 0, 0, 0)


def spawn(
    config: BoxConfig,
    limits: ProgramLimits,
    stdio: Sequence[int],
    body: Callable[[], Any],
    keep: Sequence[int] = (),
    whole_life: bool = True,
    adopt: bool = False,
) -> int:
    """Fork a program; return its process id.

    Args:
        stdio: Descriptors of standard input, output and error.
        body: Runs the program; the process ends with it.
        keep: Further descriptors; they become 3, 4 and so on.
        whole_life: Whether the CPU time limit holds for the process, not for one call in it.
        adopt: Whether the program becomes the parent of its orphans, which then live as long as it
            does. A program that never waits for them (most do not) would keep each as a zombie.
    """
    pid = os.fork()
    if pid == 0:
        become(config, limits, [*stdio, *keep], body, whole_life, adopt)
    return pid


def become(
    config: BoxConfig,
    limits: ProgramLimits,
    files: Sequence[int],
    body: Callable[[], Any],
    whole_life: bool = True,
    adopt: bool = False,
) -> NoReturn:
    """Turn this forked process into the program; arguments as of `spawn`."""
    try:
        _prepare(config, limits, files, whole_life)
        if adopt:
            adopt_orphans()
        body()
    except BaseException as error:
        os.write(2, f"envgym: cannot start: {error}\n".encode())
    finally:
        os._exit(126)


def _prepare(
    config: BoxConfig, limits: ProgramLimits, files: Sequence[int], whole_life: bool
) -> None:
    os.setsid()
    _signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        _signal.signal(number, _DEFAULT)
    # Out of the way first: a descriptor's new number may be another one's old one.
    high = [os.dup2(file, 200 + i, inheritable=False) for i, file in enumerate(files)]
    for i, file in enumerate(high):
        os.dup2(file, i)
    os.closerange(len(files), 65536)
    _limit(config, limits, whole_life)
    if hasattr(sys, "set_int_max_str_digits"):  # Pythons before 3.11 know no such bound
        sys.set_int_max_str_digits(limits["int_digits"])
    if config.owner is not None:
        uid, gid = config.owner
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    os.chdir(config.workdir)
    os.umask(0o022)
    _LIBC.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    give_hooks()
    config.confine()


def _limit(config: BoxConfig, limits: ProgramLimits, whole_life: bool) -> None:
    seconds = math.ceil(limits["cpu_s"])
    wanted = {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_FSIZE: (limits["file_bytes"],) * 2,
        resource.RLIMIT_NOFILE: (limits["open_files"],) * 2,
    }
    if whole_life:
        # Past the limit: sampling holds to it, and this only where the supervisor cannot sample.
        wanted[resource.RLIMIT_CPU] = (seconds + 1, seconds + 2)
    # A group that limits forks must refuse first: refusals of a resource limit are not counted.
    if config.count_processes and not 0 < config.held_processes <= limits["processes"]:
        wanted[resource.RLIMIT_NPROC] = (limits["processes"] + config.beside,) * 2
    if not config.held_memory:
        wanted[resource.RLIMIT_AS] = (limits["memory_bytes"] + _SLACK,) * 2
    for name, (soft, hard) in wanted.items():
        most = resource.getrlimit(name)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(name, (soft, hard))


def execute(argv: list[str], env: dict[str, str]) -> None:
    """Execute another program; exit with 127 or 126, as a shell does, where that fails."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # ignored in Python alone
    try:
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        os.write(2, f"{argv[0]}: {os.strerror(error.errno or 0)}\n".encode())
        os._exit(127 if isinstance(error, (FileNotFoundError, NotADirectoryError)) else 126)
