"""Sampling of one turn from a pool of servers, such that no turn is sampled twice by mistake.

A lost connection is the one failure after which a request is sent again: no token of it was seen,
the former request is aborted first, and the same seed draws the same tokens. After a deadline, an
abort or an unreadable reply the turn fails, and the episode is played anew.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping

from envgym.agents.vllm.inference_server import InferenceServer, TooSlow, Unreachable
from envgym.agents.vllm.server_pool import ServerPool
from envgym.agents.vllm.startup_checks import ServerTraits
from envgym.agents.vllm.token_protocols import SampledTurn, TurnRequest
from envgym.errors import Fault, UsageError
from envgym.utils.http_client import Refused

_OVERLOADED = (429, 503)
_PAUSE_S = 0.5
SESSION_HEADER = "X-Session-ID"


class TurnSampler:
    """Sampler over a pool.

    Args:
        pool: The servers.
        traits: What each of them is, filled before the first turn.
        retries: Number of further requests for a turn after lost connections or refusals of an
            overloaded server.
    """

    def __init__(
        self, pool: ServerPool, traits: Mapping[InferenceServer, ServerTraits], retries: int
    ) -> None:
        self.retried = 0
        self._pool, self._traits, self._retries = pool, traits, retries
        self._aborts: set[asyncio.Task[None]] = set()

    async def sample(
        self,
        key: str,
        turn: TurnRequest,
        model: str | None,
        versions: Callable[[SampledTurn], list[int]],
    ) -> tuple[SampledTurn, list[int]]:
        """Sample a turn of the conversation `key`; return it with the version of each id.

        Args:
            model: Name of the model; None takes each server's own.
            versions: Makes the versions; raises a `Fault` where the weights were not ours, and the
                server is then restored before it is used again.

        Raises:
            Fault: (``infra``) The servers failed, or (``model``) one refuses this request.
            UsageError: A token or a model's name is wrong.
        """
        name, last = uuid.uuid4().hex, ""
        for attempt in range(self._retries + 1):
            server = await self._pool.pick(key)
            request_id = f"{name}-{attempt}"
            try:
                sampled = await self.ask(server, turn, request_id, model)
            except Unreachable as error:
                last = str(error)
                await server.abort(request_id)
                self._pool.suspect(server, error)
            except Refused as error:
                if error.status not in _OVERLOADED:
                    if error.status >= 500:  # its engine may have died
                        self._pool.suspect(server, error)
                    raise _explain(server, error) from error
                last = f"{server.url} is overloaded: {error}"
                await asyncio.sleep(_PAUSE_S * 2**attempt)
            else:
                try:
                    return sampled, versions(sampled)
                except Fault as fault:
                    self._pool.suspect(server, fault)
                    raise
            self.retried += attempt < self._retries
        raise Fault(f"a turn failed {self._retries + 1} times; last: {last}")

    async def ask(
        self, server: InferenceServer, turn: TurnRequest, request_id: str, model: str | None = None
    ) -> SampledTurn:
        """Ask one server once; a cancelled or late request is aborted there.

        Raises:
            Unreachable: The connection was lost.
            Refused: The server refuses it.
            Fault: The deadline passed, the server ended the request, or its reply is unusable.
        """
        traits = self._traits[server]
        body = traits.protocol.body(turn, model or traits.model, request_id)
        headers = {SESSION_HEADER: turn.session} if turn.session else None
        try:
            answer = await server.post(traits.protocol.path, body, headers=headers)
        except TooSlow as error:
            await server.abort(request_id)
            raise Fault(str(error)) from error
        except asyncio.CancelledError:
            task = asyncio.create_task(server.abort(request_id))
            self._aborts.add(task)
            task.add_done_callback(self._aborts.discard)
            raise
        sampled = traits.protocol.read(answer, turn)
        if sampled.finish not in ("stop", "length"):
            raise Fault(f"{server.url} ended a request with {sampled.finish!r}")
        return sampled

    async def close(self) -> None:
        """Wait for aborts on their way."""
        await asyncio.gather(*self._aborts, return_exceptions=True)


def _explain(server: InferenceServer, error: Refused) -> Exception:
    where = f"{server.url} answered {error.status}: {error}"
    if error.status in (401, 403):
        return UsageError(f"{where} Set the environment variable that api_key_env names.")
    if error.status == 404:
        return UsageError(f"{where} Name a model that it serves.")
    return Fault(where, "infra" if error.status >= 500 else "model")
