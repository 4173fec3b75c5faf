"""A site: pages and forms over one SQLite database, which belongs to a single episode."""

from __future__ import annotations

import re
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from envgym.environments.web.observation.elements import Element
from envgym.environments.web.requests import BLOCKED, Answer, Request
from envgym.environments.web.sites.markup import h, render

_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"
_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Security-Policy", _POLICY),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)
Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A page to show: title, and the elements of its body."""

    title: str
    body: Element
    status: int = 200


@dataclass(frozen=True, slots=True)
class Moved:
    """A redirection to another address of the site."""

    to: str


Result = Shown | Moved
Handler = Callable[[Any, Values, tuple[str, ...]], Result]


def route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Mark a method of a site as the handler of addresses; groups of the pattern are arguments."""

    def mark(handler: Handler) -> Handler:
        handler._route = method, re.compile(pattern)  # type: ignore[attr-defined]
        return handler

    return mark


class Site(ABC):
    """Base class of sites.

    Subclasses give `name`, `schema` (SQL), `fill` (the content of a world), `header` (what stands
    on every page) and handlers marked by `route`.

    Args:
        content: Serialized database to begin with; see `content`.
    """

    name: ClassVar[str]
    schema: ClassVar[str]
    _routes: ClassVar[list[tuple[str, re.Pattern[str], Handler]]] = []

    def __init__(self, content: bytes) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.db.deserialize(content)
        self.notice = ""
        self.alert = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._routes = [
            (*member._route, member)
            for base in cls.__mro__
            for member in vars(base).values()
            if hasattr(member, "_route")
        ]

    @classmethod
    @abstractmethod
    def fill(cls, db: sqlite3.Connection, seed: int) -> None:
        """Write a world's content into an empty database."""

    @classmethod
    def content(cls, seed: int) -> bytes:
        """Serialized database of a world."""
        db = sqlite3.connect(":memory:", isolation_level=None)
        db.executescript(cls.schema + "CREATE TABLE message(text TEXT);")
        db.execute("BEGIN")
        cls.fill(db, seed)
        db.execute("COMMIT")
        found = db.serialize()
        db.close()
        return found

    @abstractmethod
    def header(self) -> Element:
        """Head of every page."""

    @cached_property
    def origin(self) -> str:
        """Origin of the site; the domain ``test`` exists nowhere (RFC 6761)."""
        return f"http://{self.name}.test"

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self.db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        """First row of a query, or None."""
        found: tuple[Any, ...] | None = self.db.execute(sql, values).fetchone()
        return found

    def value(self, sql: str, *values: object) -> Any:
        """First value of a query's first row."""
        found = self.row(sql, *values)
        return None if found is None else found[0]

    def run(self, sql: str, *values: object) -> int:
        """Run a statement; the id of the row that it inserted."""
        return self.db.execute(sql, values).lastrowid or 0

    def result(self, request: Request) -> Result | None:
        """Result of a request; None where the address is of another site."""
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" != self.origin:
            return None
        sent = request.body if request.method == "POST" else parts.query
        values = dict(parse_qsl(sent, keep_blank_values=True, max_num_fields=400))
        for method, pattern, handler in self._routes:
            if method == request.method and (match := pattern.fullmatch(parts.path or "/")):
                return handler(self, values, match.groups())
        return Shown("Not found", self.page("Not found", h("p", "There is no such page.")), 404)

    def answer(self, request: Request, base: str = "") -> Answer:
        """Answer to a browser; see `result`. `base` is put before addresses of the site."""
        result = self.result(request)
        if result is None:
            return BLOCKED
        if isinstance(result, Moved):
            return Answer(303, b"", (("Location", (base or self.origin) + result.to),))
        head = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"{render(h('title', result.title))}<style>{_STYLE}</style></head>"
        )
        return Answer(result.status, (head + render(result.body, base)).encode(), _HEADERS)

    def page(self, title: str, *children: Any) -> Element:
        """Body of a page: header, notices that were set since the last one, and its content."""
        notice, self.notice = self.notice, ""
        alert, self.alert = self.alert, ""
        return h(
            "body",
            self.header(),
            h("p", notice, role="status") if notice else None,
            h("p", alert, role="alert") if alert else None,
            h("main", h("h1", title), *children),
        )

    def show(self, title: str, *children: Any) -> Shown:
        """Page with a title."""
        return Shown(title, self.page(title, *children))

    def close(self) -> None:
        """Close the database."""
        self.db.close()
