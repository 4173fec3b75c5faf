"""Runner of a task's own tests, in a sandbox without the solution: the tested function is a proxy.

The tests run in a thread that stops at each call of the proxy. The main thread then returns to the
host, which has the solution's sandbox answer, and comes back with the answer: so tests and solution
talk through the host alone, by an interface that knows nothing of it.

An exception that the solution answered with has to be seen: by a handler or a ``with`` of the
tests, or by the assert that it fails. Python takes some for an answer (an old sequence's IndexError
is its end, an AttributeError no attribute): a test that one of these ended has tested nothing.
"""

from __future__ import annotations

import json
import os
import queue
import random
import sys
import threading
from typing import Any

from envgym.sandboxes.graders.harness.plain_values import (
    EXCEPTIONS,
    WIRE_BYTES,
    NotPlain,
    decode,
    dump,
    encode,
    load,
)

_DETAIL = 500
_TAKEN = (LookupError, AttributeError)
# Where libraries call a function to see what it raises.
_CATCHERS = {("unittest.case", "handle"), ("_pytest.python_api", "raises")}
_CATCHERS.add(("_pytest.raises", "raises"))


class SolutionError(Exception):
    """The solution raised something that is no built-in exception."""


class SolutionObject:
    """An object of the solution without a plain value.

    It is not None, is true or false as the solution says, and equals nothing but itself.
    """

    def __init__(self, what: str, true: bool) -> None:
        self._what, self._true = what, true

    def __bool__(self) -> bool:
        return self._true

    def __repr__(self) -> str:
        return f"<{self._what}>"


class SolutionLost(BaseException):
    """The solution's sandbox gave no answer; no ``except Exception`` of a test catches this."""


class AssertRunner:
    """One run of a task's tests."""

    def __init__(self) -> None:
        self._asks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._one = threading.Lock()
        self._passes: dict[int, int] = {}
        self._failures: dict[int, tuple[str, int]] = {}
        self._broke = ""
        self._unseen: list[BaseException] = []
        self._most = WIRE_BYTES
        self._made = 0

    def start(self, nonce: str, program: str) -> None:
        """Start the tests and report their first stop.

        Args:
            nonce: First word of the line with the answer.
            program: JSON object: ``prelude``, ``tests`` (rewritten, see ``asserts.py``),
                ``names`` of proxies, ``hooks`` (names of the three that count), ``most``
                (maximum characters of one call's arguments).
        """
        threading.stack_size(64 << 20)
        threading.Thread(target=self._play, args=(json.loads(program),), daemon=True).start()
        self._say(nonce)

    def resume(self, nonce: str, answer: str) -> None:
        """Pass the solution's answer to the tests and report their next stop."""
        self._answers.put(load(answer, len(answer)))
        self._say(nonce)

    def _say(self, nonce: str) -> None:
        text = json.dumps(self._asks.get())
        sys.stdout.flush()
        data = f"\n{nonce} {text}\n".encode()
        while data:
            data = data[os.write(1, data) :]

    def _play(self, program: dict[str, Any]) -> None:
        passed, failed, saw = program["hooks"]
        self._most = program["most"]
        space: dict[str, Any] = {"__name__": "tests"}
        error = ""
        try:
            random.seed(0)
            exec(compile(program["prelude"], "prelude.py", "exec"), space)
            space.update({name: self._proxy(name) for name in program["names"]})
            space.update({passed: self._passed, failed: self._failed, saw: self._saw})
            exec(compile(program["tests"], "tests.py", "exec"), space)
        except BaseException as raised:
            self._unseen.clear()
            error = f"{type(raised).__name__}: {raised}"[:_DETAIL]
            self._notice(error)
        if self._broke:
            self._asks.put({"unusable": f"the tests break before they call it: {self._broke}"})
            return
        if self._unseen:
            error = self._taken()
        failures = [[site, text, made] for site, (text, made) in self._failures.items()]
        passes = list(self._passes.items())
        self._asks.put({"passes": passes, "failures": failures, "error": error})

    def _passed(self, site: int) -> None:
        if self._unseen:
            self._failures.setdefault(site, (self._taken(), self._made))
        else:
            self._passes[site] = self._passes.get(site, 0) + 1

    def _failed(self, site: int, error: BaseException) -> None:
        self._unseen.clear()
        text = f"{type(error).__name__}: {error}"[:_DETAIL]
        self._failures.setdefault(site, (text, self._made))
        self._notice(text)

    def _notice(self, error: str) -> None:
        """Record an error raised before any call, in which the solution has no part."""
        if not self._made:
            self._broke = self._broke or error

    def _saw(self) -> None:
        """Record an exception caught by a handler of the tests, and its causes."""
        error = sys.exc_info()[1]
        while error is not None and self._unseen:
            self._unseen = [one for one in self._unseen if one is not error]
            error = error.__cause__ or error.__context__

    def _taken(self) -> str:
        error = self._unseen[0]
        self._unseen.clear()
        text = f"{type(error).__name__}: {error}"[:_DETAIL]
        return f"{text} (Python took it for an answer: nothing in the tests saw it)"

    def _proxy(self, name: str) -> Any:
        def solution(*args: Any, **kwargs: Any) -> Any:
            with self._one:
                self._made += 1
                try:
                    payload = dump(encode([list(args), kwargs]), self._most)
                    self._asks.put({"call": name, "payload": payload})
                except NotPlain as error:
                    self._asks.put({"unusable": f"the tests call {name} with {error}"})
                answer = self._answers.get()
            if "value" in answer:
                return decode(answer["value"])
            if "object" in answer:
                return SolutionObject(answer["object"], answer["true"])
            if "raised" in answer:
                raise self._raised(answer)
            raise SolutionLost(answer["lost"])

        solution.__name__ = solution.__qualname__ = name
        return solution

    def _raised(self, answer: dict[str, Any]) -> Exception:
        error: Exception = EXCEPTIONS.get(answer["raised"], SolutionError)(answer["message"])
        if isinstance(error, _TAKEN) and not _is_caught():
            self._unseen.append(error)
        return error


def _is_caught() -> bool:
    """Return whether a library called the proxy, directly or not, and may swallow its exception."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) in _CATCHERS:
            return True
    return False
