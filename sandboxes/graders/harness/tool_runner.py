"""Runner of several programs in a sandbox, in one message of the host.

It runs in the sandbox, on the standard library alone. It gets files and steps at once and answers
each step with its end and the requested files; the first failure is the last step. Output of a
program reaches the host as that step's errors, or not at all: only the runner writes to the stream
of answers. The host treats all of it as untrusted.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from typing import Any

_ICARUS = tuple(
    f"{lib}/ivl"
    for lib in (
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib64",
        "/usr/local/lib",
    )
)
_ELABORATION = """basedir:{base}
module:{base}/system.vpi
module:{base}/v2005_math.vpi
module:{base}/v2009.vpi
generation:2012
generation:no-specify
generation:assertions
generation:xtypes
generation:io-range-error
generation:no-strict-ca-eval
generation:no-strict-expr-width
generation:shared-loop-index
generation:no-verilog-ams
generation:icarus-misc
warnings:n
ignore_missing_modules:false
iwidth:32
widthcap:65536
functor:cprop
functor:nodangle
flag:DLL=vvp.tgt
root:{top}
out:{out}
"""
_SAID = "said.txt"
_SAID_BYTES = 1 << 18
_CALLS = (b"%vpi_", b".sfunc")  # of system tasks, and of functions in nets
_CONTROL = 3  # the socket that this process is asked by: no program answers for it


class ToolRunner:
    """Runner of steps."""

    def __init__(self) -> None:
        self._home = ""
        self._runs = 0

    def run(self, files: dict[str, bytes], steps: list[dict[str, Any]]) -> None:
        """Run programs in a new folder.

        The answer is an empty line, then for each step a line of JSON with sizes, the errors' bytes
        and the files'.

        Args:
            files: By name; written before the first step.
            steps: ``argv``; or ``top``, ``out`` and ``sources`` to elaborate; or ``argv``,
                ``program``, ``hides``, ``once`` and ``may`` to simulate; and ``gives``, names of
                files.
        """
        self._home = self._home or os.getcwd()
        os.chdir(self._home)
        if self._runs:
            shutil.rmtree(self._folder(), ignore_errors=True)
        self._runs += 1
        folder = self._folder()
        os.mkdir(folder)
        os.chdir(folder)
        for name, data in files.items():
            with open(name, "wb") as file:
                file.write(data)
        _write(b"\n")
        said = os.open(_SAID, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            for step in steps:
                if "program" in step:
                    answer = _simulated(step, said)
                else:
                    answer = _run(step.get("argv") or _elaboration(step), said)
                parts = [os.pread(said, _SAID_BYTES, 0), *map(_read, step["gives"])]
                os.ftruncate(said, 0)
                os.lseek(said, 0, os.SEEK_SET)
                answer["sizes"] = [-1 if part is None else len(part) for part in parts]
                _write(json.dumps(answer).encode() + b"\n", *(part for part in parts if part))
                if answer["status"]:
                    break
        finally:
            os.close(said)

    def _folder(self) -> str:
        """Working folder of the last run."""
        return os.path.join(self._home, f"run_{self._runs}")


def calls(program: bytes) -> list[str]:
    """System tasks and functions that a compiled program calls, one entry per call."""
    names = []
    for line in program.split(b"\n"):
        before, quote, rest = line.partition(b'"')
        if quote and any(mark in before for mark in _CALLS):
            names.append(rest.partition(b'"')[0].decode("utf-8", "replace"))
    return names


def _simulated(step: dict[str, Any], said: int) -> dict[str, Any]:
    """Run a compiled program that calls permitted tasks only."""
    program = _read(step["program"]) or b""
    called = calls(program)
    allowed = set(step["may"]) | {name for name in step["once"] if called.count(name) <= 1}
    foreign = sorted(set(called) - allowed)
    if foreign:
        os.write(said, f"{', '.join(foreign)[:1000]}: not for circuits\n".encode())
        return {"status": 1 << 8, "cpu_s": 0.0, "resident": 0}
    for name in (step["program"], *step["hides"]):
        if os.path.lexists(name):
            os.unlink(name)
    return _run(step["argv"], said, program)


def _run(argv: list[str], said: int, fed: bytes = b"") -> dict[str, Any]:
    """Run a program to its end; it can read its input once."""
    reading, writing = os.pipe()  # neither is any other program's
    actions = [
        (os.POSIX_SPAWN_DUP2, reading, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, said, 2),
        (os.POSIX_SPAWN_CLOSE, _CONTROL),
    ]
    defaults = [signal.SIGPIPE, signal.SIGXFSZ]  # ignored in Python alone
    try:
        pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions, setsigdef=defaults)
    except FileNotFoundError:
        os.close(writing)
        return {"status": 127 << 8, "absent": argv[0], "cpu_s": 0.0, "resident": 0}
    finally:
        os.close(reading)
    with contextlib.suppress(BrokenPipeError), open(writing, "wb", 0) as pipe:
        _write_to(pipe.fileno(), fed)
    _, status, used = os.wait4(pid, 0)
    cpu_s = used.ru_utime + used.ru_stime
    return {"status": status, "cpu_s": cpu_s, "resident": used.ru_maxrss << 10}


def _elaboration(step: dict[str, Any]) -> list[str]:
    """Path of Icarus' compiler itself where it lies in a usual place, else its driver.

    The driver starts a shell and a preprocessor, which cost as much again.
    """
    for base in _ICARUS:
        if os.path.exists(f"{base}/ivl"):
            with open("ivl.conf", "w") as file:
                file.write(_ELABORATION.format(base=base, top=step["top"], out=step["out"]))
            return [f"{base}/ivl", "-Civl.conf", "--", *step["sources"]]
    return ["iverilog", "-g2012", "-s", step["top"], "-o", step["out"], *step["sources"]]


def _read(name: str) -> bytes | None:
    """Content of a program's output file; None if it is missing."""
    try:
        with open(name, "rb", opener=_opener) as file:
            return file.read()
    except OSError:
        return None


def _opener(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _write(*parts: bytes) -> None:
    for part in parts:
        _write_to(1, part)


def _write_to(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
