"""envgym in `bench service`: `envgym serve` in one process, its clients in this one."""

from __future__ import annotations

import asyncio
import json

from shape import SESSIONS, WORDS, Act, server, steps_per_s

import envgym

COMMAND = "import sys; sys.path.insert(0, 'service'); from envgym.cli import main; main()"


def session(port: int) -> tuple[envgym.Env, Act, Act]:
    env = envgym.make(f"ws://127.0.0.1:{port}/echo-v0")
    action = envgym.Action(WORDS)

    async def step() -> None:
        result = await env.step(action)
        assert result.observation.text == WORDS

    return env, env.reset, step


async def main() -> None:
    with server("-c", COMMAND, "serve", "echo:Echo", "--port", "{port}") as port:
        sessions = [session(port) for _ in range(SESSIONS)]
        figures = {"steps_per_s": await steps_per_s([s[1:] for s in sessions])}
        await asyncio.gather(*(env.close() for env, *_ in sessions))
    print(json.dumps(figures))


asyncio.run(main())
