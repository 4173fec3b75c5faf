"""Which outcome an ending is."""

from __future__ import annotations

import signal

import pytest

from envgym.sandboxes.box.outcomes import Ending, outcome

MIB = 1 << 20


def exited(code: int) -> int:
    return code << 8


@pytest.mark.parametrize(
    ("end", "expected", "code"),
    [
        (Ending(exited(0)), "OK", 0),
        (Ending(exited(0), errors=b"MemoryError"), "OK", 0),
        (Ending(exited(0), ooms=1), "OK", 0),
        (Ending(exited(1)), "RE", 1),
        (Ending(exited(255)), "RE", 255),
        (Ending(signal.SIGSEGV), "RE", -11),
        (Ending(signal.SIGKILL), "RE", -9),
        (Ending(signal.SIGTERM, cpu_s=9), "RE", -15),
        (Ending(exited(0), killed="TLE"), "TLE", None),
        (Ending(signal.SIGKILL, killed="OLE"), "OLE", None),
        (Ending(signal.SIGKILL, killed="MLE", ooms=1), "MLE", None),
        (Ending(signal.SIGXCPU), "TLE", None),
        (Ending(signal.SIGKILL, cpu_s=2.0), "TLE", None),
        (Ending(signal.SIGKILL, cpu_s=1.9), "RE", -9),
        (Ending(signal.SIGSYS), "DENIED", -31),
        (Ending(signal.SIGKILL, ooms=1), "MLE", None),
        (Ending(exited(1), errors=b"x\nMemoryError\n"), "MLE", 1),
        (Ending(signal.SIGABRT, errors=b"what():  std::bad_alloc"), "MLE", -6),
        (Ending(signal.SIGSEGV, resident=96 * MIB), "MLE", -11),
        (Ending(exited(1), resident=94 * MIB), "RE", 1),
        (Ending(exited(1), errors=b"OSError: Resource temporarily unavailable"), "PLE", 1),
        (Ending(exited(1), errors=b"RuntimeError: can't start new thread"), "PLE", 1),
        (Ending(exited(2), refusals=1), "PLE", 2),
        (Ending(exited(0), refusals=1), "OK", 0),
    ],
)
def test_outcomes(end: Ending, expected: str, code: int | None) -> None:
    got, exit_code, detail = outcome(end, cpu_s=2.0, memory_bytes=100 * MIB)
    assert (got, exit_code) == (expected, code)
    assert "\n" not in detail
