"""Socket settings that both ends use: keep-alive and the limit of open files.

A peer whose machine is gone sends no close frame, and its session would hold an environment for
ever. TCP keep-alive detects it. A WebSocket ping with a deadline would not do: a trainer's event
loop is blocked for minutes while it learns, and is alive.
"""

from __future__ import annotations

import resource
import socket

from envgym.errors import UsageError

_IDLE_S, _EVERY_S, _TIMES = 20, 10, 4
"""After 20 s of silence ask every 10 s; a peer that misses four is gone: a minute in all."""
SPARE_FILES = 128
"""Descriptors that a process needs beside its sessions."""


def keep_alive(sock: socket.socket | None) -> None:
    """Turn on TCP keep-alive, so that the system notices a peer whose machine is gone."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", _IDLE_S),
        ("TCP_KEEPINTVL", _EVERY_S),
        ("TCP_KEEPCNT", _TIMES),
        ("TCP_USER_TIMEOUT", 1000 * (_IDLE_S + _EVERY_S * _TIMES)),
    ):
        if hasattr(socket, name):  # not on every system
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def allow_files(wanted: int) -> None:
    """Raise this process's limit of open files, as far as it may, to hold `wanted` sockets.

    Raises:
        UsageError: The system's limit is below that.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE_FILES
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise UsageError(
            f"{wanted} sockets need {needed} open files and the limit is {hard}: raise it "
            "(ulimit -Hn), or ask for fewer"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
