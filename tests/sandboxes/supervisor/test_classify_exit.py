"""Which outcome an ending is."""

from __future__ import annotations

import signal

import pytest

from envgym.sandboxes.supervisor.classify_exit import Ending, outcome


def exited(code: int) -> int:
    return code << 8


@pytest.mark.parametrize(
    ("end", "expected", "code"),
    [
        (Ending(exited(0)), "OK", 0),
        (Ending(exited(0), filled=True, refusals=1), "OK", 0),
        (Ending(exited(0), ooms=1), "OK", 0),
        (Ending(exited(1)), "RE", 1),
        (Ending(exited(255)), "RE", 255),
        (Ending(signal.SIGSEGV), "RE", -11),
        (Ending(signal.SIGKILL), "RE", -9),
        (Ending(signal.SIGTERM, cpu_s=9), "RE", -15),
        (Ending(exited(0), killed="TLE"), "TLE", None),
        (Ending(signal.SIGKILL, killed="OLE"), "OLE", None),
        (Ending(signal.SIGKILL, killed="MLE", ooms=1), "MLE", None),
        (Ending(signal.SIGXCPU), "RE", -24),  # sent by itself
        (Ending(signal.SIGXCPU, cpu_s=1.9), "RE", -24),
        (Ending(signal.SIGXCPU, cpu_s=2.0), "TLE", None),
        (Ending(signal.SIGALRM), "RE", -14),
        (Ending(signal.SIGXFSZ), "RE", -25),
        (Ending(signal.SIGKILL, cpu_s=2.0), "TLE", None),
        (Ending(signal.SIGKILL, cpu_s=1.9), "RE", -9),
        (Ending(signal.SIGSYS, filtered=True), "DENIED", -31),
        (Ending(signal.SIGSYS), "RE", -31),  # where nothing filters nobody denies
        (Ending(signal.SIGKILL, ooms=1), "MLE", None),
        (Ending(exited(1), filled=True), "MLE", 1),
        (Ending(signal.SIGABRT, filled=True), "MLE", -6),
        (Ending(exited(1), resident=1 << 40, peak=1 << 40), "RE", 1),
        (Ending(exited(2), refusals=1), "PLE", 2),
        (Ending(exited(0), refusals=1), "OK", 0),
    ],
)
def test_outcomes(end: Ending, expected: str, code: int | None) -> None:
    got, exit_code, detail = outcome(end, cpu_s=2.0)
    assert (got, exit_code) == (expected, code)
    assert "\n" not in detail
