"""Live Python REPL: one process, one namespace, code in by a socket, output by its streams.

A fork of the REPL is a fork of the process: the copy has the same objects, and answers on a socket
of its own that came with the request.
"""

from __future__ import annotations

import ast
import linecache
import os
import random
import socket
import sys
from collections.abc import Mapping
from types import CodeType, MappingProxyType
from typing import Any

from envgym.sandboxes.supervisor.child.run_source import NAME, become_main, exit_status, print_error
from envgym.sandboxes.supervisor.streams.frames import Unpacker, pack

CONTROL = 3
_FORKED = pack({"forked": True})
_ANSWERS = {ok: pack({"ok": ok}) for ok in (True, False)}


def serve_repl(
    env: dict[str, str],
    workdir: str,
    greet: bool = False,
    begin: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Answer requests until the socket closes.

    Args:
        greet: Whether to send a first message, as a fork does; the other side reads the process id
            from its credentials.
        begin: Initial names.
    """
    names = become_main([], env, workdir).__dict__
    names.update(begin)
    control = socket.socket(fileno=CONTROL)
    if greet:
        control.sendall(_FORKED)
    unpacker = Unpacker()
    files: list[int] = []
    count = 0
    while True:
        data, came, _, _ = socket.recv_fds(control, 1 << 16, 3)
        if not data:
            os._exit(0)
        files += came
        for header, parts in unpacker.feed(data):
            if header["op"] == "fork":
                control = _forked(control, files)
                files = []
                continue
            count += 1
            ok = _run(parts[0].decode("utf-8", "surrogatepass"), names, f"<{NAME} {count}>")
            sys.stdout.flush()
            sys.stderr.flush()
            control.sendall(_ANSWERS[ok])


def _forked(control: socket.socket, files: list[int]) -> socket.socket:
    """Fork; each of the two continues with its own socket. The generator's state is memory too."""
    state = random.getstate()
    if os.fork():
        for file in files:
            os.close(file)
        return control
    random.setstate(state)
    control.detach()
    for number, file in zip((CONTROL, 1, 2), files):
        os.dup2(file, number)
        os.close(file)
    control = socket.socket(fileno=CONTROL)
    control.sendall(_FORKED)
    return control


def _run(code: str, names: dict[str, Any], title: str) -> bool:
    """Run a cell; show the value of a last expression."""
    linecache.cache[title] = (len(code), None, code.splitlines(keepends=True), title)
    try:
        statements, shown = _compiled(code, title)
        if statements is not None:
            exec(statements, names)
        if shown is not None:
            sys.displayhook(eval(shown, names))
    except SystemExit as end:
        status = exit_status(end)
        sys.stdout.flush()
        os._exit(status & 0xFF)
    except BaseException as error:
        print_error(error)
        return False
    return True


def _compiled(code: str, title: str) -> tuple[CodeType | None, CodeType | None]:
    """Compile all but a last expression, and that expression."""
    if not code[:1].isspace():  # which an expression may begin with, and a statement may not
        try:
            return None, compile(code, title, "eval", dont_inherit=True)
        except SyntaxError:
            pass  # most that a program sends over and over is an expression: no tree is made of it
    tree = ast.parse(code, title)
    shown = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body[-1].value)
        del tree.body[-1]
        shown = compile(last, title, "eval", dont_inherit=True)
    if not tree.body:
        return None, shown
    return compile(tree, title, "exec", dont_inherit=True), shown
