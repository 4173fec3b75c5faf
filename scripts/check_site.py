"""Checks the built site: every link leads somewhere, and nothing is loaded from elsewhere.

Run it after a build: python -m scripts.check_site [site]. The generator's strict mode reads the
Markdown; this reads the pages, so it also sees navigation, pictures, raw HTML and the theme.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}


class Page(HTMLParser):
    """Anchors, links and loaded files of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag defines, links to or loads."""
        found = {name: value for name, value in attrs if value}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
        if tag in _LOADED and _LOADED[tag] in found and found.get("rel") != "canonical":
            self.loaded.add(found[_LOADED[tag]])


def problems(site: Path) -> list[str]:
    """One line per link that leads nowhere, and per file that would come from the network."""
    pages = {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    pages.pop(site / "404.html", None)  # served at any address, so its links are absolute
    if not pages:
        return [f"no page in {site}: run make docs"]
    found: list[str] = []
    for path, page in pages.items():
        name = path.relative_to(site)
        found += [f"{name}: loads {url}" for url in sorted(page.loaded) if urlsplit(url).netloc]
        for link in sorted(page.links | page.loaded):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            if target.is_dir():
                target /= "index.html"
            if not target.exists():
                found.append(f"{name}: no {link}")
            elif parts.fragment and target.suffix == ".html":
                there = pages.get(site / target.relative_to(site.resolve()))
                if there and unquote(parts.fragment) not in there.anchors:
                    found.append(f"{name}: no anchor {link}")
    return found


def main() -> None:
    """Print the problems; exit code 1 where there are any."""
    site = Path(sys.argv[1] if len(sys.argv) > 1 else "site")
    lines = problems(site)
    print("\n".join(lines) or f"{site}: every link leads somewhere")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
