"""Runner of named pytest tests that reports, under a nonce, whether all phases were clean.

It starts in a process that has not imported the code under test, keeps its own references to all
that it needs, and believes no report, exit code or file: a test has passed if setup, call and
teardown raised no exception, and no judging function was replaced meanwhile.
"""

from __future__ import annotations

import os
import sys

# What lies in the working directory is under test: nothing of it may stand in for what tests.
sys.path[:] = [path for path in sys.path if path not in ("", ".", os.getcwd())]

import builtins  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import operator  # noqa: E402
import random  # noqa: E402
import time  # noqa: E402
import unittest  # noqa: E402
from typing import Any  # noqa: E402

import _pytest.reports  # noqa: E402
import _pytest.runner  # noqa: E402
import pytest  # noqa: E402

# What a test trusts, by name. What a library may have reason to wrap is left out.
_LEFT_OUT = {"__import__", "open", "print", "input", "_", "exit", "quit", "help"}
_CLOCKS = ("perf_counter", "monotonic", "process_time", "perf_counter_ns")


def _watched() -> list[tuple[Any, str, Any]]:
    whole = (
        builtins,
        math,
        operator,
        unittest.TestCase,
        _pytest.reports.TestReport,
        _pytest.runner,
    )
    found = [
        (place, name, value)
        for place in whole
        for name, value in vars(place).items()
        if callable(value) and not (place is builtins and name in _LEFT_OUT)
    ]
    found += [(time, name, getattr(time, name)) for name in _CLOCKS]
    return [*found, (random, "seed", random.seed)]


class Reporter:
    """Pytest plugin that reports results."""

    def __init__(self, out: int, nonce: str) -> None:
        self._out = out
        self._start = f"\n{nonce} "
        self._bad: dict[str, str] = {}
        self._clean: dict[str, int] = {}
        self._watched = _watched()
        self._write, self._dump, self._vars, self._type = os.write, json.dumps, vars, type

    def say(self, message: dict[str, Any]) -> None:
        """Write one line."""
        data = (self._start + self._dump(message) + "\n").encode()
        while data:
            data = data[self._write(self._out, data) :]

    def _note(self, item: Any, raised: Any) -> None:
        inner = getattr(item, "_excinfo", None)  # where unittest's tests keep theirs
        if raised is not None:
            self._bad.setdefault(
                item.nodeid, repr(raised.value if hasattr(raised, "value") else raised)[:500]
            )
        elif inner:
            self._bad.setdefault(item.nodeid, repr(inner[0].value)[:500])
        else:
            self._clean[item.nodeid] = self._clean.get(item.nodeid, 0) + 1

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: Any) -> Any:
        """Record the result of the setup."""
        outcome = yield
        self._note(item, outcome.excinfo and outcome.excinfo[1])

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: Any) -> Any:
        """Record the result of the test itself."""
        outcome = yield
        self._note(item, outcome.excinfo and outcome.excinfo[1])

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: Any) -> Any:
        """Record the result of the teardown."""
        outcome = yield
        self._note(item, outcome.excinfo and outcome.excinfo[1])

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Record failed reports (parts of a test have reports of their own)."""
        if report.outcome != "passed":
            self._bad.setdefault(report.nodeid, str(report.outcome))

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Report a finished test."""
        for place, name, value in self._watched:
            if self._vars(place).get(name) is not value:
                self._bad.setdefault(nodeid, f"{name} was replaced")
        clean = self._clean.get(nodeid, 0) == 3
        self.say(
            {
                "id": nodeid,
                "ok": clean and nodeid not in self._bad,
                "why": self._bad.get(nodeid, ""),
            }
        )


def main() -> None:
    """Run the job on standard input: ``{"nonce", "ids", "plugins"}``."""
    job = json.loads(sys.stdin.buffer.read())
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = True
    reporter = Reporter(os.dup(1), job["nonce"])
    reporter.say({"ready": True})
    sys.path.insert(0, os.getcwd())
    options = ["-q", "--rootdir=.", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    options += [part for name in job["plugins"] for part in ("-p", name)]
    code = pytest.main([*options, "--", *job["ids"]], plugins=[reporter])
    reporter.say({"end": int(code)})
    sys.stdout.flush()
    os._exit(int(code))


main()
