"""Every code block of the tutorials is run, in order, in one folder for each page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks, prints, run

TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))


def test_they_are_five_and_the_index_names_each_in_order() -> None:
    names = [page.name for page in TUTORIALS if page.name != "index.md"]
    index = (ROOT / "docs" / "tutorials" / "index.md").read_text()
    places = [index.index(f"({name})") for name in names]
    assert len(names) == 5
    assert places == sorted(places)


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.no_test:
            continue
        printed = run(block, tmp_path)
        if block.output is not None:
            prints(printed, block.output)


def test_what_is_shown_is_compared(tmp_path: Path) -> None:
    """The runner itself: a wrong output fails, an ellipsis stands for anything."""
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nprint('took 3 s')\nprint('ok')\n```\n```text\ntook … s\nok\n```\n"
        "<!-- no-test: needs a key -->\n```sh\nfalse\n```\n"
        '```python title="a.py"\nx = 1\n```\n'
    )
    first, second, third = blocks(page)
    assert (second.no_test, third.title) == ("needs a key", "a.py")
    assert first.output is not None
    prints(run(first, tmp_path), first.output)
    with pytest.raises(AssertionError, match="the page shows 'no'"):
        prints(run(first, tmp_path), "ok\nno\n")
    with pytest.raises(AssertionError, match="no rule runs"):
        run(Block("toml", "x = 1"), tmp_path)
    run(third, tmp_path)
    assert (tmp_path / "a.py").read_text() == "x = 1\n"
