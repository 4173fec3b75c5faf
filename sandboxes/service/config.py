"""Configuration of a service: bounds, and tokens of its clients."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from pathlib import Path

from envgym.errors import UsageError
from envgym.sandboxes.limits import MIB, Limits

GIB = 1024 * MIB


@dataclass(frozen=True)
class ServiceConfig:
    """Bounds of a service.

    Attributes:
        ceiling: Highest limits of a sandbox.
        body_bytes: Maximum size of a request.
        bodies_bytes: Maximum size of all request bodies in memory; more are refused for now.
        requests: Maximum number of requests in progress, waiting ones included.
        sessions: Maximum number of sessions per sandbox.
        idle_s: Seconds after which an unused sandbox is closed.
        linger_s: Seconds that a run continues after its client vanished, so that the client can
            retry with the same request id. An explicit cancellation ends it at once.
        keep_s, keep_count, keep_bytes: Maximum age, number and total size of answers kept for
            retried requests.
        stop_s: Seconds for runs in progress when the service stops.
    """

    ceiling: Limits = field(
        default_factory=lambda: Limits(
            wall_s=3600,
            cpu_s=3600,
            memory_bytes=8 * GIB,
            processes=1024,
            file_bytes=GIB,
            disk_bytes=GIB,
            output_bytes=64 * MIB,
            stdin_bytes=256 * MIB,
            open_files=4096,
        )
    )
    body_bytes: int = 288 * MIB
    bodies_bytes: int = GIB
    requests: int = 1024
    sessions: int = 32
    idle_s: float = 600.0
    linger_s: float = 2.0
    keep_s: float = 60.0
    keep_count: int = 4096
    keep_bytes: int = 64 * MIB
    stop_s: float = 4.0

    def allow(self, limits: Limits) -> Limits:
        """Return the limits if none is above the ceiling."""
        for name, most in self.ceiling:
            if getattr(limits, name) > most:
                raise UsageError(f"{name}={getattr(limits, name)} is above this service's {most}")
        return limits


class Tokens:
    """Tokens of the clients, from a file with one per line: ``NAME TOKEN`` or just ``TOKEN``.

    Each token is an owner, with a share of the pool and sandboxes that no other owner sees.

    Raises:
        UsageError: The file cannot be read, or a token is too short to be a secret.
    """

    def __init__(self, path: Path) -> None:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the token file {path}: {error}") from error
        words = [line.split() for line in lines if line.strip() and not line.startswith("#")]
        if not words:
            raise UsageError(f"{path} holds no token: write one, say from `openssl rand -hex 32`")
        self._owners: list[tuple[str, bytes]] = []
        for number, line in enumerate(words, 1):
            if len(line) > 2 or len(line[-1]) < 16:
                raise UsageError(
                    f"token {number} in {path} is no line of `NAME TOKEN` or `TOKEN` with a token "
                    "of at least 16 characters"
                )
            self._owners.append(
                (line[0] if len(line) == 2 else f"token-{number}", line[-1].encode())
            )

    def owner(self, header: str) -> str | None:
        """Owner of an ``Authorization`` header. Takes the same time for any wrong token."""
        scheme, _, given = header.partition(" ")
        found = None
        for name, token in self._owners:
            if hmac.compare_digest(given.strip().encode("utf-8", "replace"), token):
                found = name
        return found if scheme.lower() == "bearer" else None


def read_token(path: Path) -> str:
    """Read a client's token: the first one of its file."""
    Tokens(path)  # the same file, the same complaints
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(line.split()[-1] for line in lines if line.strip() and not line.startswith("#"))
