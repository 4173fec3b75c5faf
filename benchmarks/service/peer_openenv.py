"""OpenEnv in `bench service`: its app under uvicorn in one process, its clients in this one.

The environment is async, which its server runs on the loop; a plain one has a thread a session.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from shape import SESSIONS, WORDS, Act, server, steps_per_s


def serve(port: int) -> None:
    import uvicorn
    from openenv.core.env_server.http_server import create_fastapi_app
    from openenv.core.env_server.interfaces import Environment
    from openenv.core.env_server.types import Action, Observation, State

    class Say(Action):
        message: str

    class Heard(Observation):
        message: str

    class Echo(Environment):
        SUPPORTS_CONCURRENT_SESSIONS = True

        def __init__(self) -> None:
            super().__init__()
            self._state = State()

        def reset(self, seed: int | None = None, episode_id: str | None = None, **_: Any) -> Heard:
            self._state = State(episode_id=episode_id)
            return Heard(message="Speak.", reward=0.0)

        async def reset_async(self, **kwargs: Any) -> Heard:
            return self.reset(**kwargs)

        def step(self, action: Say, timeout_s: float | None = None, **_: Any) -> Heard:
            self._state.step_count += 1
            return Heard(message=action.message, reward=len(action.message) / 10)

        async def step_async(self, action: Say, **kwargs: Any) -> Heard:
            return self.step(action, **kwargs)

        @property
        def state(self) -> State:
            return self._state

    app = create_fastapi_app(Echo, Say, Heard, max_concurrent_envs=SESSIONS)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def session(port: int) -> tuple[Any, Act, Act]:
    from openenv.core.generic_client import GenericEnvClient

    env = GenericEnvClient(base_url=f"http://127.0.0.1:{port}")

    async def reset() -> None:
        await env.reset()

    async def step() -> None:
        result = await env.step({"message": WORDS})
        assert result.observation["message"] == WORDS

    return env, reset, step


async def main() -> None:
    with server(__file__, "serve", "{port}") as port:
        sessions = [session(port) for _ in range(SESSIONS)]
        for env, *_ in sessions:
            await env.connect()
        figures = {"steps_per_s": await steps_per_s([s[1:] for s in sessions])}
        for env, *_ in sessions:
            await env.close()
    print(json.dumps(figures))


if sys.argv[1:2] == ["serve"]:
    serve(int(sys.argv[2]))
else:
    asyncio.run(main())
