"""Generated encyclopedia as a web site: one page per entry, linked to the entries it names.

Plain HTML without scripts, readable by any browser or HTTP client. The content of an address
depends on the world and the address alone.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from html import escape
from urllib.parse import quote

from envgym.environments.search.retrieval.index import Bm25Index
from envgym.environments.search.retrieval.retriever import best, by_title
from envgym.environments.search.world.world import World

_SHOWN = 10  # results per search
_LISTED = 50  # entries per page of the table of contents


class Encyclopedia:
    """Web site of one world.

    Args:
        seed, size: See `World.generate`.

    Raises:
        ValueError: A size too small for a world.
    """

    def __init__(self, seed: int, size: int) -> None:
        self.world = World.generate(seed, size)
        self.index = Bm25Index(self.world.passages)

    def home(self, base: str, number: int = 1) -> str:
        """Table of contents, paginated, with the search box. `base` is the address of the site."""
        titles = sorted(self.world.kinds)
        last = (len(titles) - 1) // _LISTED + 1
        number = min(max(number, 1), last)
        shown = titles[(number - 1) * _LISTED : number * _LISTED]
        turn = [
            f'<a href="{base}?page={n}">{text}</a>'
            for n, text in ((number - 1, "Previous"), (number + 1, "Next"))
            if 1 <= n <= last
        ]
        entries = "".join(f"<li>{_link(base, title)}</li>" for title in shown)
        body = f"<p>{len(titles)} entries, page {number} of {last}. {' '.join(turn)}</p>"
        return _page(base, "Encyclopedia", f"{body}<ul>{entries}</ul>")

    def entry(self, base: str, title: str) -> str | None:
        """Page of an entry with links in its text; None for an unknown title."""
        found, _ = by_title(self.index, title)
        if found is None:
            return None
        return _page(base, found.title, f"<p>{self._linked(base, found.text, found.title)}</p>")

    def missing(self, base: str, title: str) -> str:
        """Page for an unknown title, with similar titles."""
        near = "".join(f"<li>{_link(base, other)}</li>" for other in by_title(self.index, title)[1])
        return _page(base, "No such entry", f"<p>Nearest titles:</p><ul>{near}</ul>")

    def results(self, base: str, query: str) -> str:
        """Page of search results with the first words of each entry."""
        items = "".join(
            f"<li>{_link(base, page.title)}: {escape(page.text[:120])}</li>"
            for page in best(self.index, query, _SHOWN)
        )
        found = f"<ol>{items}</ol>" if items else "<p>Nothing found.</p>"
        return _page(base, "Search", found, query)

    def _linked(self, base: str, text: str, own: str) -> str:
        pieces, end = [], 0
        for match in self._titles.finditer(text):
            if match[0] != own:
                pieces += [escape(text[end : match.start()]), _link(base, match[0])]
                end = match.end()
        return "".join([*pieces, escape(text[end:])])

    @cached_property
    def _titles(self) -> re.Pattern[str]:
        longest_first = sorted(self.world.kinds, key=lambda title: (-len(title), title))
        return re.compile(r"\b(?:" + "|".join(map(re.escape, longest_first)) + r")\b")


@lru_cache(maxsize=8)
def encyclopedia(seed: int, size: int) -> Encyclopedia:
    """Site of a world, cached because episodes share it."""
    return Encyclopedia(seed, size)


def _link(base: str, title: str) -> str:
    return f'<a href="{base}wiki/{quote(title, safe="")}">{escape(title)}</a>'


def _page(base: str, title: str, body: str, query: str = "") -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title></head><body>"
        f'<nav><a href="{base}">Contents</a> <form action="{base}search">'
        f'<input name="q" aria-label="Search" value="{escape(query)}"> <button>Search</button>'
        f"</form></nav><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
