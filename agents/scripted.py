"""Scripted agent for tests, replays, fixed opponents and hand-written baselines."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from envgym.agent import Agent, Completion, Context
from envgym.chat.renderer import Chat
from envgym.env import Env
from envgym.errors import Fault
from envgym.messages import Action

Move = Action | str
Script = Sequence[Move] | Callable[[Context], Move | Awaitable[Move]]


class ScriptedAgent(Agent):
    """Agent that plays a script.

    Args:
        script: A list, played from its start in every session; or a function of the context
            (plain or async). A str is what a model would write: its calls are parsed from it.
        chat: Given one, actions are also rendered to token ids.
    """

    def __init__(self, script: Script, chat: Chat | None = None) -> None:
        self.chat = chat
        self._script = script
        self._turns: dict[str, int] = {}

    async def begin(self, session: str, env: Env[Any]) -> None:
        """Restart the script for `session`."""
        self._turns.pop(session, None)

    async def act(self, context: Context) -> Completion:
        """Return the next action of the script.

        Raises:
            Fault: The list is used up (kind ``model``).
        """
        move = await self._move(context)
        return Completion(text=move) if isinstance(move, str) else Completion(action=move)

    async def end(self, session: str) -> None:
        """Forget the position of `session`."""
        self._turns.pop(session, None)

    async def _move(self, context: Context) -> Move:
        if callable(self._script):
            move = self._script(context)
            return await move if inspect.isawaitable(move) else move
        turn = self._turns.get(context.session, 0)
        if turn >= len(self._script):
            raise Fault(
                f"the script has {len(self._script)} moves and the episode goes on: add moves, or "
                "pass a function of the context",
                "model",
            )
        self._turns[context.session] = turn + 1
        return self._script[turn]
