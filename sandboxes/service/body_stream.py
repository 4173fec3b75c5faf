"""Request and response bodies, streamed within a memory bound."""

from __future__ import annotations

import asyncio
import hashlib

from aiohttp import web

from envgym.errors import UsageError
from envgym.sandboxes.service.config import ServiceConfig
from envgym.sandboxes.service.protocol import FRAME, Busy, TooLarge, one_frame
from envgym.sandboxes.supervisor.streams.frames import BadFrame, Frame, Unpacker, pack

_PIECE = 1 << 20
_UPLOAD_S = 120.0


class Bodies:
    """Read request bodies and bound their total size in memory."""

    def __init__(self, config: ServiceConfig) -> None:
        self._config = config
        self.held = 0

    async def read(self, request: web.Request) -> tuple[Frame, bytes]:
        """Read the frame of a request; return it with a digest of the request.

        Raises:
            TooLarge: It is longer than the service accepts; the rest is not read.
            Busy: It would exceed the bound on all bodies in memory.
            UsageError: It is no frame, or arrives too slowly.
        """
        if request.body_exists and request.content_type != FRAME:
            raise UsageError(f"a body has the content type {FRAME}, not {request.content_type}")
        length = request.content_length or 0
        if length > self._config.body_bytes:
            raise self._too_large()
        size, digest = 0, hashlib.sha256(request.path.encode())
        unpacker = Unpacker()
        frames: list[Frame] = []
        try:
            async with asyncio.timeout(_UPLOAD_S):
                async for piece in request.content.iter_chunked(_PIECE):
                    self.held += len(piece)
                    size += len(piece)
                    if size > self._config.body_bytes:
                        raise self._too_large()
                    if self.held > self._config.bodies_bytes:
                        raise Busy("too many large requests at once: send fewer")
                    digest.update(piece)
                    frames += unpacker.feed(piece)
        except BadFrame as error:
            raise UsageError(f"the body is no frame: {error}") from error
        except TimeoutError:
            raise UsageError(f"the body did not come within {_UPLOAD_S:g} s") from None
        finally:
            self.held -= size
        if not size:
            return Frame({}, []), digest.digest()
        return one_frame(frames, unpacker), digest.digest()

    def _too_large(self) -> TooLarge:
        return TooLarge(f"a request may hold {self._config.body_bytes} bytes: send less at once")


async def send(request: web.Request, answer: Frame) -> web.StreamResponse:
    """Answer with a frame."""
    header, parts = answer
    body = pack(header, *parts)
    response = web.StreamResponse()
    response.content_type = FRAME
    response.content_length = len(body)
    await response.prepare(request)
    view = memoryview(body)
    for begin in range(0, len(view), _PIECE):
        await response.write(view[begin : begin + _PIECE])
    await response.write_eof()
    return response
