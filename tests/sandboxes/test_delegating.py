"""Delegating sandboxes: every call of the interface reaches the box, with its arguments."""

from __future__ import annotations

from unittest.mock import create_autospec

import pytest

from envgym.sandboxes.base import Sandbox, Session
from envgym.sandboxes.delegating import DelegatingSandbox, DelegatingSession
from envgym.sandboxes.limits import Limits

LIMITS = Limits(wall_s=1.0)
BOX_CALLS = {
    "exec": ((["ls"],), {"stdin": b"in", "env": {"A": "1"}, "limits": LIMITS}),
    "python": (("print()",), {"args": ["a"], "stdin": b"in", "limits": LIMITS}),
    "write": (("path", b"data"), {}),
    "read": (("path",), {"limit": 7}),
    "shell": ((), {}),
    "repl": ((), {}),
    "snapshot": ((), {}),
    "fork": ((), {}),
    "close": ((), {}),
}
SESSION_CALLS = {"run": (("1 + 1",), {"limits": LIMITS}), "fork": ((), {}), "close": ((), {})}


def test_the_tables_name_every_method() -> None:
    assert set(BOX_CALLS) == Sandbox.__abstractmethods__
    assert set(SESSION_CALLS) == Session.__abstractmethods__


@pytest.mark.parametrize("name", BOX_CALLS)
async def test_a_box_hands_on(name: str) -> None:
    arguments, named = BOX_CALLS[name]
    box = create_autospec(Sandbox, instance=True)
    result = await getattr(DelegatingSandbox(box), name)(*arguments, **named)
    getattr(box, name).assert_awaited_once_with(*arguments, **named)
    assert result is (None if name in ("write", "close") else getattr(box, name).return_value)


@pytest.mark.parametrize("name", SESSION_CALLS)
async def test_a_session_hands_on(name: str) -> None:
    arguments, named = SESSION_CALLS[name]
    session = create_autospec(Session, instance=True, ready=frozenset({"harness"}))
    wrapped = DelegatingSession(session)
    assert wrapped.ready == {"harness"}
    result = await getattr(wrapped, name)(*arguments, **named)
    getattr(session, name).assert_awaited_once_with(*arguments, **named)
    assert result is (None if name == "close" else getattr(session, name).return_value)
