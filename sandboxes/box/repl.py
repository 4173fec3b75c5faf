"""A live Python REPL: one process, one namespace, code in by a socket, output by its streams.

Forking it is forking the process: the copy has the same objects, and answers on a socket of its
own that came along with the request.
"""

from __future__ import annotations

import ast
import linecache
import os
import random
import socket
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from envgym.sandboxes.box.frames import Unpacker, pack
from envgym.sandboxes.box.source import NAME, become_main, exit_status, print_error

CONTROL = 3


def serve_repl(
    env: dict[str, str],
    workdir: str,
    greet: bool = False,
    begin: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Answer requests until the socket closes.

    Args:
        greet: Whether to say a first word, as a fork does: by it the other side learns its number.
        begin: Names that are there from the start.
    """
    names = become_main([], env, workdir).__dict__
    names.update(begin)
    control = socket.socket(fileno=CONTROL)
    if greet:
        control.sendall(pack({"forked": True}))
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
            control.sendall(pack({"ok": ok}))


def _forked(control: socket.socket, files: list[int]) -> socket.socket:
    """Fork; each of the two goes on with its own socket. The generator's state is memory too."""
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
    control.sendall(pack({"forked": True}))
    return control


def _run(code: str, names: dict[str, Any], title: str) -> bool:
    """Run a cell; the value of a last expression is shown."""
    linecache.cache[title] = (len(code), None, code.splitlines(keepends=True), title)
    try:
        tree = ast.parse(code, title)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if tree.body:
            exec(compile(tree, title, "exec", dont_inherit=True), names)
        if isinstance(last, ast.Expr):
            shown = ast.Expression(last.value)
            sys.displayhook(eval(compile(shown, title, "eval", dont_inherit=True), names))
    except SystemExit as end:
        status = exit_status(end)
        sys.stdout.flush()
        os._exit(status & 0xFF)
    except BaseException as error:
        print_error(error)
        return False
    return True
