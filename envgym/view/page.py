"""HTML page of a run as one file that loads nothing and shows episode text as data, never markup.

Its content security policy lets only these very scripts run (by their hashes) and nothing be
loaded; data stands in a JSON block without a ``<``, and enters the page as text nodes alone.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from envgym.errors import UsageError
from envgym.view.page_data import FILE, RunData
from envgym.view.run_folder import Folder

_SCRIPTS = ("core", "charts", "overview", "tokens", "episodes", "compare", "main")


def write_page(directory: Path, path: Path | None = None) -> Path:
    """Write the page of a run's folder, or of a folder of episodes.

    Args:
        path: File to write; ``report.html`` in the folder when None.

    Returns:
        The path written.

    Raises:
        UsageError: The folder holds nothing to show, or the path cannot be written.
    """
    run = RunData(Folder(directory), FILE)
    data = run.overview()
    data["episodes"] = {row["key"]: run.episode(row["key"]) for row in data["list"]}
    path = path or directory / "report.html"
    try:
        path.write_bytes(render(data, live=False))
    except OSError as error:
        raise UsageError(f"cannot write {path} ({error.strerror}): give another place") from error
    return path


def render(data: dict[str, Any], *, live: bool) -> bytes:
    """Render the page with its data.

    Args:
        live: The page polls its server for updates.
    """
    scripts = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    plotly = get_plotlyjs()
    policy = (
        f"default-src 'none'; script-src {_hash(plotly)} {_hash(scripts)}; "
        f"style-src 'unsafe-inline'; img-src data: blob:; connect-src {_source(live)}; "
        "base-uri 'none'; form-action 'none'"
    )
    page = Template(_asset("page.html")).substitute(
        policy=policy,
        title=html.escape(f"{data['run']['name']} · envgym"),
        style=_asset("style.css"),
        data=as_json({**data, "live": live}).replace("<", "\\u003c"),
        plotly=plotly,
        scripts=scripts,
    )
    return encode(page)


def as_json(data: Any) -> str:
    """Serialize to compact JSON."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode(text: str) -> bytes:
    """Encode to UTF-8; a lone surrogate becomes its JSON escape."""
    return text.encode("utf-8", "backslashreplace")


def _asset(name: str) -> str:
    return (files("envgym.view") / "assets" / name).read_text("utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _source(live: bool) -> str:
    return "'self'" if live else "'none'"
