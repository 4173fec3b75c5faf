"""Goals of site tasks: queries on the final database, steps of an expert, and how to write them.

Nothing is read from a page's text. A goal is a list of queries with the rows that they must give;
tables that a task has no business with must be as they were.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from envgym.environments.web.sites.site import Site

Step = tuple[str, ...]
"""Step of an expert: ``("click", role, name)``, ``("fill", name, text)``, ``("select", name,
option)``, ``("say", text)``; names are those of the accessibility tree."""


@dataclass(frozen=True)
class Check:
    """Query on the final database and the rows that it must give."""

    sql: str
    values: tuple[Any, ...]
    rows: list[tuple[Any, ...]]

    def holds(self, site: Site) -> bool:
        """Test a database."""
        return site.rows(self.sql, *self.values) == self.rows


@dataclass(frozen=True)
class Goal:
    """A generated task of a site.

    Attributes:
        instruction: Text for the agent.
        checks: What must hold at the end; each is a goal element in the sense of QWeb.
        changes: Tables that may change; every other one must be as it was.
        steps: An expert's steps from the start page.
        answer: Text that is asked for, empty where none is.
    """

    instruction: str
    checks: Sequence[Check]
    changes: Sequence[str]
    steps: Sequence[Step]
    answer: str = ""


Maker = Callable[[random.Random, Any], Goal]


@dataclass(frozen=True)
class Template:
    """Family of tasks: one wording with its verifier.

    Attributes:
        band: Difficulty, 1 (one page) to 4 (many pages or many fields).
    """

    name: str
    site: str
    band: int
    make: Maker


@dataclass
class Templates:
    """Templates of a site, in the order in which they are written."""

    site: str
    all: list[Template] = field(default_factory=list)

    def add(self, band: int) -> Callable[[Maker], Maker]:
        """Register a function as a template of its name."""

        def mark(make: Maker) -> Maker:
            self.all.append(Template(make.__name__.replace("_", "-"), self.site, band, make))
            return make

        return mark


def said(text: str) -> Check:
    """Check that the agent's message says a text, whatever the case and the spacing around it."""
    return Check("SELECT lower(trim(text, ' .')) FROM message", (), [(text.lower(),)])


def tables(site: Site) -> dict[str, str]:
    """Hash of each table's rows."""
    names = [name for (name,) in site.rows("SELECT name FROM sqlite_schema WHERE type='table'")]
    return {
        name: hashlib.sha256(
            repr(site.rows(f"SELECT * FROM {name} ORDER BY rowid")).encode()
        ).hexdigest()
        for name in names
    }


def reached(goal: Goal, site: Site, before: dict[str, str]) -> tuple[float, bool]:
    """Share of the goal's checks that hold, and whether the goal is reached as a whole."""
    held = sum(check.holds(site) for check in goal.checks) / len(goal.checks)
    if held < 1:
        return held, False
    allowed = {*goal.changes, "message"}
    now = tables(site)
    return held, all(now[name] == before[name] for name in before if name not in allowed)
