"""Synchronous Gymnasium environments made from envgym's, under the same ids.

    import envgym.gymnasium_compat
    gymnasium.make("envgym/search.wiki-v1", dialect="hermes")

Importing this module registers every id with Gymnasium, as it is and within the namespace
``envgym``, where the family's slash becomes a dot: a Gymnasium id has one slash.
``gymnasium.make("envgym.gymnasium_compat:search/wiki-v1")`` is Gymnasium's own way to import and
make at once (Gymnasium 1.x loads no plugins by itself).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import gymnasium

from envgym.chat.dialects import dialect as find_dialect
from envgym.env import Env, Info
from envgym.errors import UsageError
from envgym.gymnasium_compat.text_space import AnyText
from envgym.messages import Action, Observation
from envgym.registry import make, specs

T = TypeVar("T")


class SyncEnv(gymnasium.Env[str, str]):
    """Gymnasium environment that is stepped with text, on an event loop of its own in a thread.

    An action is what a model would write, calls included, or an `Action` (an oracle's) as it is; an
    observation is the text of the new messages. How to write calls stands in the first info under
    ``instructions``.

    Args:
        env_id: A registered envgym id, or what makes the environment.
        dialect: Tool-call format of the actions.
        kwargs: Arguments of the environment's constructor.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  (Gymnasium's own declaration)

    def __init__(
        self, env_id: str | Callable[..., Env[Any]], *, dialect: str = "hermes", **kwargs: Any
    ) -> None:
        self.action_space = AnyText()
        self.observation_space = AnyText()
        self._dialect = find_dialect(dialect)
        self._loop: asyncio.AbstractEventLoop | None = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"gymnasium {env_id}", daemon=True
        )
        self._thread.start()
        try:
            self.env: Env[Any] = (
                make(env_id, **kwargs) if isinstance(env_id, str) else env_id(**kwargs)
            )
        except BaseException:
            self._end_loop()
            raise

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin an episode; see `Env.reset`."""
        super().reset(seed=seed)
        observation, info = self._run(self.env.reset(seed=seed, options=options))
        instructions = self._dialect.instructions(self.env.tools)
        text, extended = _text(observation, info)
        return text, extended | {"instructions": instructions}

    def step(self, action: str | Action) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Parse the text and apply it; see `Env.step`.

        Raises:
            UsageError: The action is neither a str nor an `Action`.
        """
        if isinstance(action, str):
            action = self._dialect.parse(action, self.env.tools)
        elif not isinstance(action, Action):
            raise UsageError(f"an action is a str or an envgym.Action, not {type(action).__name__}")
        step = self._run(self.env.step(action))
        text, info = _text(step.observation, step.info)
        return text, float(step.reward), step.terminated, step.truncated, info

    def close(self) -> None:
        """Close the environment and join the thread; safe to call twice."""
        if self._loop is None:
            return
        try:
            self._run(self.env.close())
        finally:
            self._end_loop()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise UsageError("the environment is closed: make a new one")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:  # interrupted here: do not leave it running there
            future.cancel()
            raise

    def _end_loop(self) -> None:
        loop, self._loop = self._loop, None
        assert loop is not None
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()


def register_all() -> None:
    """Register every id of `envgym.specs()` that Gymnasium does not know yet."""
    for id in specs():
        for name in (id, f"envgym/{id.replace('/', '.')}"):
            if name not in gymnasium.registry:
                gymnasium.register(name, entry_point=f"{__name__}:SyncEnv", kwargs={"env_id": id})


def _text(observation: Observation, info: Info) -> tuple[str, dict[str, Any]]:
    """The text, and the info with what text cannot say: that the history was replaced."""
    extended: dict[str, Any] = {**info}
    if observation.replace_from is not None:
        extended["replace_from"] = observation.replace_from
    return observation.text, extended


register_all()
