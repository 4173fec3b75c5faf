"""What a service is told at its start: whom it answers, and how much it bears."""

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
        ceiling: The highest limits that a box may be opened with.
        body_bytes: Largest request.
        bodies_bytes: All requests' bodies in memory together; more are told to come later.
        requests: Most requests in progress, waiting ones included.
        sessions: Most sessions of one box.
        idle_s: Seconds after which a box that nobody used is closed.
        linger_s: Seconds that a run goes on after its client vanished: time to ask again with the
            same request id. A client that says it cancels is not waited for.
        keep_s, keep_count, keep_bytes: How long, and how many, and how large together answers are
            kept for requests that are sent again.
        stop_s: Seconds that runs in progress get when the service is told to stop.
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
        """The limits, if none is above the ceiling."""
        for name, most in self.ceiling:
            if getattr(limits, name) > most:
                raise UsageError(f"{name}={getattr(limits, name)} is above this service's {most}")
        return limits


class Tokens:
    """Who may ask. A file has a token a line, ``NAME TOKEN`` or just ``TOKEN``: each is an owner,
    with a share of the pool and boxes that no other sees.

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
        """Whose an ``Authorization`` header is. Takes the same time for any wrong token."""
        scheme, _, given = header.partition(" ")
        found = None
        for name, token in self._owners:
            if hmac.compare_digest(given.strip().encode("utf-8", "replace"), token):
                found = name
        return found if scheme.lower() == "bearer" else None


def read_token(path: Path) -> str:
    """A client's token: the first of its file."""
    Tokens(path)  # the same file, the same complaints
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(line.split()[-1] for line in lines if line.strip() and not line.startswith("#"))
