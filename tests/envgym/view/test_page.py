from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from envgym.errors import UsageError
from envgym.store.episodes import EpisodeWriter
from envgym.view import write_page
from tests.envgym.view.runs import episode, run_folder

ASSETS = Path(__file__).parents[3] / "envgym" / "view" / "assets"


def own_part(path: Path) -> str:
    """The page without the drawing library."""
    return path.read_text().replace(get_plotlyjs(), "")


def test_the_page_is_one_file_that_fetches_nothing(tmp_path: Path) -> None:
    path = write_page(run_folder(tmp_path / "run"))
    assert path == tmp_path / "run" / "report.html"
    text = path.read_text()
    assert text.count(get_plotlyjs()) == 1
    own = own_part(path)
    assert not re.search(r"<link|<img|<iframe|\bsrc\s*=|@import|url\(", own)
    assert "connect-src 'none'" in own


def test_what_episodes_say_cannot_end_the_data(tmp_path: Path) -> None:
    evil = "</script><img src=x onerror=alert(1)><!--<script>"
    EpisodeWriter(tmp_path).write([episode(0, said=evil, question=evil, tokens=False)])
    own = own_part(write_page(tmp_path))
    assert own.count("</script>") == 3
    data = own[own.index('id="data">') + 10 : own.index("</script>")]
    assert "<" not in data
    assert json.loads(data)["list"][0]["task"] == evil


def test_a_folders_name_is_text(tmp_path: Path) -> None:
    folder = tmp_path / "<b>&amp;"
    EpisodeWriter(folder).write([episode(0)])
    assert "<title>&lt;b&gt;&amp;amp; · envgym</title>" in own_part(write_page(folder))


def test_half_a_surrogate_pair_does_not_stop_the_page(tmp_path: Path) -> None:
    EpisodeWriter(tmp_path).write([episode(0, answer="half \ud83d, whole \U0001f600")])
    text = write_page(tmp_path).read_bytes().decode()  # is UTF-8
    assert "half \\ud83d, whole \U0001f600" in text


def test_a_large_folders_page_stays_small(tmp_path: Path) -> None:
    writer = EpisodeWriter(tmp_path)
    for _ in range(3):
        writer.write([episode(i, said="word " * 40) for i in range(1000)])
    own = own_part(write_page(tmp_path))
    data = json.loads(own[own.index('id="data">') + 10 : own.index("</script>")])
    assert (data["total"], len(data["list"]), len(data["episodes"])) == (3000, 360, 360)
    assert len(own) < 8_000_000


def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    EpisodeWriter(tmp_path).write([episode(0)])
    with pytest.raises(UsageError, match="give another place"):
        write_page(tmp_path, tmp_path / "none" / "page.html")


def test_no_script_makes_markup_from_text() -> None:
    sources = {path.name: path.read_text() for path in ASSETS.glob("*.js")}
    assert len(sources) == 7
    for name, source in sources.items():
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source
        ), name
