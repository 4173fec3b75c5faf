"""Addresses of served environments, parsed as people type them.

``127.0.0.1:8080/search/wiki-v1``, ``http://…`` and a slash too many mean what they seem to mean;
what cannot be meant is an error that says how to write it.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from envgym.errors import UsageError

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/+")
_HOST_PORT = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.%\w]+\]):\d+(?:[/?#]|\Z)")
_SLASHES = re.compile("/+")
_FORM = "ws://HOST:PORT/FAMILY/NAME-vN"


def served_address(id: str) -> str | None:
    """Normalize an address to ``ws://host:port/family/name-vN``; None for any other id.

    Raises:
        UsageError: It has another scheme, no host, a bad port, or arguments in it.
    """
    text = id.strip()
    if _HOST_PORT.match(text):
        text = f"ws://{text}"
    found = _SCHEME.match(text)
    if found is None:
        return None
    scheme = _SCHEMES.get(found[1].lower())
    if scheme is None:
        raise UsageError(f"{id!r} has the scheme {found[1]!r}: write {_FORM}, or wss:// behind TLS")
    try:
        parts = urlsplit(f"{scheme}://{text[found.end() :]}")
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{id!r} is no address ({error}): write {_FORM}") from None
    if not host:
        raise UsageError(f"{id!r} names no host: write {_FORM}")
    if parts.query or parts.fragment:
        raise UsageError(
            f"{id!r}: arguments do not go into the address: make(address, name=value), or "
            "-a name=value after a command"
        )
    path = _SLASHES.sub("/", parts.path).rstrip("/")
    return f"{scheme}://{parts.netloc}{path or '/'}"
