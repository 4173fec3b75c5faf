"""A fork server continues while its box leaves it no memory to check it."""

from __future__ import annotations

import select
import socket

import pytest

from envgym.sandboxes.backends.namespace.fork_server import ForkServer


class Full:
    """A box that cannot be looked at now."""

    def __init__(self, error: Exception) -> None:
        self.file = -1
        self.looks = 0
        self._error = error

    def patience(self) -> float:
        return 0.0

    def hold(self) -> None:
        self.looks += 1
        raise self._error


@pytest.mark.parametrize("error", [MemoryError(), OSError(12, "Cannot allocate memory")])
def test_no_memory_to_look_is_no_end(error: Exception) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        server = object.__new__(ForkServer)
        server.control = theirs
        server._box = current = Full(error)  # type: ignore[assignment]
        assert server._turn(select.poll())
        assert server._turn(select.poll())
        assert current.looks == 2
