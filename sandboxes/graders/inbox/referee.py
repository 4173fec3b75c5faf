"""Runs a task's own tests, in a box that holds no solution: the function they test is a proxy.

The tests run in a thread that stops at each call of the proxy. The main thread then returns to the
host, which has the solution's box answer, and comes back with the answer: so tests and solution
talk through the host alone, by an interface that knows nothing of it.
"""

from __future__ import annotations

import builtins
import json
import os
import queue
import random
import sys
import threading
from typing import Any

from envgym.sandboxes.graders.inbox.values import NotPlain, decode, dump, encode, load

_DETAIL = 500
# Those that can be made from a message alone.
_KINDS = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError)
}


class SolutionError(Exception):
    """The solution raised something that is no built-in exception."""


class SolutionLost(BaseException):
    """The solution's box gave no answer; no ``except Exception`` of a test hides that."""


class Referee:
    """One run of a task's tests."""

    def __init__(self) -> None:
        self._asks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._one = threading.Lock()
        self._passes: dict[int, int] = {}
        self._failures: dict[int, tuple[str, int]] = {}
        self._broke = ""
        self._made = 0

    def start(self, nonce: str, program: str) -> None:
        """Begin the tests, and say what the first stop is.

        Args:
            nonce: What the line of the answer begins with.
            program: JSON object: ``prelude``, ``tests`` (rewritten, see ``asserts.py``),
                ``names`` of proxies, ``hooks`` (names of the two that count).
        """
        threading.stack_size(64 << 20)
        threading.Thread(target=self._play, args=(json.loads(program),), daemon=True).start()
        self._say(nonce)

    def resume(self, nonce: str, answer: str) -> None:
        """Hand the solution's answer over, and say what the next stop is."""
        self._answers.put(load(answer))
        self._say(nonce)

    def _say(self, nonce: str) -> None:
        text = json.dumps(self._asks.get())
        sys.stdout.flush()
        data = f"\n{nonce} {text}\n".encode()
        while data:
            data = data[os.write(1, data) :]

    def _play(self, program: dict[str, Any]) -> None:
        passed, failed = program["hooks"]
        space: dict[str, Any] = {"__name__": "tests"}
        error = ""
        try:
            random.seed(0)
            exec(compile(program["prelude"], "prelude.py", "exec"), space)
            space.update({name: self._proxy(name) for name in program["names"]})
            space.update({passed: self._passed, failed: self._failed})
            exec(compile(program["tests"], "tests.py", "exec"), space)
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}"[:_DETAIL]
            self._notice(error)
        if self._broke:
            self._asks.put({"unusable": f"the tests break before they call it: {self._broke}"})
            return
        failures = [[site, text, made] for site, (text, made) in self._failures.items()]
        passes = list(self._passes.items())
        self._asks.put({"passes": passes, "failures": failures, "error": error})

    def _passed(self, site: int) -> None:
        self._passes[site] = self._passes.get(site, 0) + 1

    def _failed(self, site: int, error: BaseException) -> None:
        text = f"{type(error).__name__}: {error}"[:_DETAIL]
        self._failures.setdefault(site, (text, self._made))
        self._notice(text)

    def _notice(self, error: str) -> None:
        """Keep an error that came before any call: no solution has a part in it."""
        if not self._made:
            self._broke = self._broke or error

    def _proxy(self, name: str) -> Any:
        def solution(*args: Any, **kwargs: Any) -> Any:
            with self._one:
                self._made += 1
                try:
                    self._asks.put({"call": name, "payload": dump(encode([list(args), kwargs]))})
                except NotPlain as error:
                    self._asks.put({"unusable": f"the tests call {name} with {error}"})
                answer = self._answers.get()
            if "value" in answer:
                return decode(answer["value"])
            if "raised" in answer:
                raise _KINDS.get(answer["raised"], SolutionError)(answer["detail"])
            raise SolutionLost(answer["lost"])

        solution.__name__ = solution.__qualname__ = name
        return solution
