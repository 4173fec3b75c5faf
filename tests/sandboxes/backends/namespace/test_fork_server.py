"""A keeper goes on while its box leaves it no memory to look at it."""

from __future__ import annotations

import select
import socket

import pytest

from envgym.sandboxes.backends.namespace.fork_server import Keeper


class Full:
    """A tenant that cannot be looked at now."""

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
        keeper = object.__new__(Keeper)
        keeper.control = theirs
        keeper._tenant = tenant = Full(error)  # type: ignore[assignment]
        assert keeper._turn(select.poll())
        assert keeper._turn(select.poll())
        assert tenant.looks == 2
