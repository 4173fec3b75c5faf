"""Oracle agent: plays an environment's expert, for demonstrations, upper bounds and checks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from envgym.agent import Agent, Completion, Context
from envgym.chat.renderer import Chat
from envgym.env import Env
from envgym.errors import EnvgymError, Fault, UsageError
from envgym.messages import Action


@dataclass
class _Expert:
    """One running oracle; the seats of an episode share it."""

    env: Env[Any]
    actions: AsyncIterator[Action]
    seats: int = 0


class OracleAgent(Agent):
    """Agent that plays `env.oracle()`.

    In an environment of several seats the oracle yields the actions of all of them, in the order
    in which they are asked for.

    Args:
        chat: Given one, each action is also rendered to token ids, as a demonstration to train on.
    """

    def __init__(self, chat: Chat | None = None) -> None:
        self.chat = chat
        self._experts: dict[str, _Expert] = {}

    async def begin(self, session: str, env: Env[Any]) -> None:
        """Start the oracle of the episode that `env` plays.

        Raises:
            UsageError: The environment has none.
        """
        for expert in self._experts.values():
            if expert.env is env:
                break
        else:
            expert = _Expert(env, env.oracle())
        expert.seats += 1
        self._experts[session] = expert

    async def act(self, context: Context) -> Completion:
        """Return the oracle's next action.

        Raises:
            Fault: It has no further one (kind ``model``), or it broke (kind ``env``).
        """
        expert = self._experts.get(context.session)
        if expert is None:
            raise UsageError(f"no oracle for {context.session!r}: call begin(session, env) first")
        try:
            return Completion(action=await anext(expert.actions))
        except StopAsyncIteration:
            raise Fault(
                f"the oracle of {expert.env.spec.id} has no further action, but the episode goes "
                "on: let oracle() yield until the episode ends",
                "model",
            ) from None
        except EnvgymError:
            raise
        except Exception as error:
            name = type(error).__name__
            raise Fault(
                f"the oracle of {expert.env.spec.id} raised {name}: {error}", "env"
            ) from error

    async def end(self, session: str) -> None:
        """Close the oracle once the last of its seats is over."""
        expert = self._experts.pop(session, None)
        if expert is None:
            return
        expert.seats -= 1
        close = getattr(expert.actions, "aclose", None)  # a plain iterator has none
        if expert.seats == 0 and close is not None:
            await close()

    async def close(self) -> None:
        """Close every oracle still open."""
        for session in list(self._experts):
            await self.end(session)
