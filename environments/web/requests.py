"""Requests and answers of a page's network: the same for a browser and for pages without one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """Request of a page. `body` is the form data of a POST, URL-encoded."""

    method: str
    url: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to a request. Status 0: the address is out of reach."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


BLOCKED = Answer(0)
