"""Pages of MiniWoB++: the HTML that the PyPI package ``miniwob`` ships, served from memory.

The package itself is never imported, since it loads Selenium.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from envgym.environments.web.requests import BLOCKED, Answer, Request
from envgym.errors import UsageError

ORIGIN = "http://miniwob.test"
"""Origin of the pages; the domain ``test`` exists nowhere (RFC 6761)."""
_TYPES = {
    ".css": "text/css",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
}


@cache
def html_folder() -> Path:
    """Folder of the pages.

    Raises:
        UsageError: The package is not installed.
    """
    spec = find_spec("miniwob")
    if spec is not None and spec.submodule_search_locations:
        folder = Path(spec.submodule_search_locations[0], "html")
        if (folder / "core" / "core.js").is_file():
            return folder
    raise UsageError("no pages of MiniWoB++ here: pip install 'envgym[web]'")


def address(task: str) -> str:
    """Address of a task's page."""
    return f"{ORIGIN}/miniwob/{task}.html"


def network(request: Request) -> Answer:
    """Answer a page's request from the folder; everything else is out of reach."""
    if not request.url.startswith(ORIGIN + "/") or request.method != "GET":
        return BLOCKED
    return _file(unquote(urlsplit(request.url).path))


@lru_cache(maxsize=512)
def _file(path: str) -> Answer:
    folder = html_folder().resolve()
    file = (folder / path.lstrip("/")).resolve()
    kind = _TYPES.get(file.suffix)
    if kind is None or not file.is_relative_to(folder) or not file.is_file():
        return Answer(404)
    return Answer(200, file.read_bytes(), (("Content-Type", kind),))
