"""Run Python source as ``__main__`` in a forked process, as a freshly started interpreter would."""

from __future__ import annotations

import _signal
import atexit
import builtins
import gc
import linecache
import os
import signal
import sys
import threading
import traceback
import types
from typing import Any

from envgym.sandboxes.supervisor.child.std_streams import take_streams

NAME = "main.py"
_SIGINT, _SIGPIPE, _IGNORE = map(int, (signal.SIGINT, signal.SIGPIPE, signal.SIG_IGN))
_ENVIRONMENT: dict[str, str] = {}
_INTERRUPTED = 128 + signal.SIGINT + (1 << 8)  # no exit code: the signal itself ends us


def run_source(code: str, args: list[str], env: dict[str, str], workdir: str) -> None:
    """Run the source and end the process with the interpreter's exit code."""
    names = become_main(args, env, workdir).__dict__
    try:
        status = _status(code)
        _end_threads()
    except BaseException:
        traceback.print_exc()
        status = 1
    try:
        atexit._run_exitfuncs()
        _flush(sys.stdout, sys.stderr)
    except BaseException:
        status = status or 120  # as the interpreter does where a stream cannot be flushed
    _let_go(names)
    if status == _INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status & 0xFF)


def run_input(source_bytes: int, env: dict[str, str], workdir: str) -> None:
    """Run the first bytes of standard input as source; the rest is the program's."""
    pieces: list[bytes] = []
    while source_bytes and (piece := os.read(0, source_bytes)):
        pieces.append(piece)
        source_bytes -= len(piece)
    run_source(b"".join(pieces).decode("utf-8", "surrogatepass"), [], env, workdir)


def _end_threads() -> None:
    """Wait for threads as an interpreter does at exit; skipped without any, to copy no pages."""
    if threading.active_count() > 1 or threading._threading_atexits:  # type: ignore[attr-defined]
        threading._shutdown()  # type: ignore[attr-defined]


def _flush(*streams: Any) -> None:
    for stream in streams:
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()


def _let_go(names: dict[str, Any]) -> None:
    """Drop remaining objects as an interpreter does at exit, so that files write their buffers."""
    try:
        if threading.active_count() == 1:  # a daemon's names are not taken from under it
            for name in list(names):
                if name != "__builtins__":
                    names[name] = None
            gc.collect()
        _flush(sys.__stdout__, sys.__stderr__)
    except BaseException:
        return  # the program's own destructors or streams; its status is known


def become_main(args: list[str], env: dict[str, str], workdir: str) -> types.ModuleType:
    """Set up a new ``__main__``: arguments, environment, streams, signals and import path."""
    take_streams()
    _signal.signal(_SIGINT, _signal.default_int_handler)
    _signal.signal(_SIGPIPE, _IGNORE)
    set_environment(env)
    sys.argv = [NAME, *args]
    sys.path.insert(0, workdir)
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __file__=NAME)
    sys.modules["__main__"] = main
    return main


def set_environment(env: dict[str, str]) -> None:
    """Replace the environment by these variables; after a fork this is then a no-op."""
    if env != _ENVIRONMENT:
        os.environ.clear()
        os.environ.update(env)
        _ENVIRONMENT.clear()
        _ENVIRONMENT.update(env)


def _status(code: str) -> int:
    main = sys.modules["__main__"]
    lines = code.splitlines(keepends=True)
    linecache.cache[NAME] = (len(code), None, lines, NAME)  # so that tracebacks show the source
    try:
        exec(compile(code, NAME, "exec", dont_inherit=True), main.__dict__)
    except SystemExit as end:
        return exit_status(end)
    except BaseException as error:
        print_error(error)
        return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def exit_status(end: SystemExit) -> int:
    """Exit code of a ``SystemExit``; a message is written to standard error."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code
    print(end.code, file=sys.stderr)
    return 1


def print_error(error: BaseException) -> None:
    """Print the traceback from the program's first frame on."""
    trace = error.__traceback__
    while trace is not None and NAME not in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)
