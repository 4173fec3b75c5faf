"""Description of a served environment, fetched before any episode: tools, deadlines, tasks.

All instances of one address and set of arguments share a `RemoteInfo`. It asks by plain HTTP and
blocks until the answer, because `make`, `tasks` and `hints` are no coroutines; so a client in the
server's own event loop would wait for ever.
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import TypeAdapter

from envgym.deadlines import Deadlines
from envgym.errors import Fault, UsageError
from envgym.messages import Action
from envgym.serve.protocol.attempts import attempt_row
from envgym.serve.protocol.failures import raised
from envgym.serve.protocol.frames import (
    DESCRIBED,
    FAILED,
    HINTS,
    NEAR_MISSES,
    TASKS,
    AskHints,
    AskNearMisses,
    Describe,
    ListTasks,
    Tasks,
    decode,
    encode,
)
from envgym.serve.protocol.rows import action_of
from envgym.serve.served_tasks import served_source
from envgym.serve.served_tools import served_tool
from envgym.task import TaskSource
from envgym.trajectory import Episode

TOKEN_FILE = "ENVGYM_TOKEN_FILE"
"""Environment variable that names the file with the token."""
_ANSWER_S = 120.0
"""The first environment of a kind may have an index to build."""

F = TypeVar("F")


class RemoteInfo:
    """Description of a served environment: one address and set of arguments.

    Args:
        url: ``ws://host:port/family/name-vN``.
        kwargs: Arguments of the environment's constructor, on the server.

    Raises:
        UsageError: No such environment there, arguments that it does not take, a wrong token.
        Fault: The server does not answer.
    """

    def __init__(self, url: str, kwargs: Mapping[str, Any]) -> None:
        self.url, self.kwargs = url, dict(kwargs)
        self.headers = _bearer()
        self._direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        asked: Describe = {"op": "describe", "kwargs": self.kwargs}
        self.about = self._ask(asked, DESCRIBED)
        self.deadlines = Deadlines(**self.about["deadlines"])
        self.tools = tuple(served_tool(row) for row in self.about["tools"])
        self._sources: dict[str, TaskSource] = {}

    def tasks(self, split: str) -> TaskSource:
        """Return the tasks of a split, fetched as they are read."""

        def fetch(start: int, stop: int) -> Tasks:
            asked: ListTasks = {
                "op": "tasks",
                "kwargs": self.kwargs,
                "split": split,
                "start": start,
                "stop": stop,
            }
            return self._ask(asked, TASKS)

        if split not in self._sources:
            self._sources[split] = served_source(fetch)
        return self._sources[split]

    def hints(self, session: str, attempt: Episode | None) -> list[Any]:
        """Fetch the hints of a running session."""
        row = None if attempt is None else attempt_row(attempt)
        asked: AskHints = {"op": "hints", "session": session, "attempt": row}
        return self._ask(asked, HINTS)["hints"]

    def near_misses(self, session: str) -> list[list[Action]]:
        """Fetch the near misses of a running session's task."""
        asked: AskNearMisses = {"op": "near_misses", "session": session}
        attempts = self._ask(asked, NEAR_MISSES)["attempts"]
        return [[action_of(row) for row in attempt] for attempt in attempts]

    def _ask(self, frame: Mapping[str, Any], form: TypeAdapter[F]) -> F:
        request = urllib.request.Request(
            "http" + self.url.removeprefix("ws"),  # and so wss becomes https
            encode(frame).encode(),
            {"Content-Type": "application/json", **self.headers},
        )
        try:
            with self._direct.open(request, timeout=_ANSWER_S) as answer:
                return decode(form, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise _error_of(self.url, error.code, error.read()) from None
        except (OSError, HTTPException, json.JSONDecodeError) as error:
            raise unreachable(self.url, error) from error


def unreachable(url: str, error: BaseException) -> Fault:
    """Make the Fault of a server that does not answer, or not as an envgym server does."""
    reason = getattr(error, "reason", None) or error
    return Fault(f"cannot reach {url} ({reason}): {_fix(url, error, reason)}")


def _fix(url: str, error: BaseException, reason: object) -> str:
    plain = url.replace("wss:", "ws:", 1)
    no_tls = isinstance(reason, ssl.SSLError) and not isinstance(
        reason, ssl.SSLCertVerificationError
    )
    if no_tls or isinstance(getattr(error, "os_error", None), ssl.SSLError):
        return f"it speaks no TLS: write {plain}"
    fix = "is `envgym serve` running there?"
    if urlsplit(url).port is None:
        port = 443 if url.startswith("wss:") else 80
        fix += f" The address names no port, so {port} was asked; `envgym serve` takes 8080."
    elif "[" in url:
        fix += " It listens on 127.0.0.1 unless --host says otherwise."
    return fix


def _error_of(url: str, status: int, body: bytes) -> Exception:
    try:
        return raised(decode(FAILED, body))
    except UsageError:
        return unreachable(url, RuntimeError(f"it answers {status}, not as envgym does"))


def _bearer() -> dict[str, str]:
    path = os.environ.get(TOKEN_FILE)
    if not path:
        return {}
    try:
        return {"Authorization": f"Bearer {Path(path).read_text().strip()}"}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {TOKEN_FILE}={path}: {error}") from error
