"""Retrieval: the two libraries agree, ranking is deterministic, nothing unrelated comes back."""

from __future__ import annotations

import random

import pytest

from envgym.environments.search.corpus import Passage
from envgym.environments.search.retrieval.index import Bm25Index, Hit
from envgym.environments.search.world.world import World

PAGES = [
    Passage("0", "Silent River", "A film by Mira Tolan."),
    Passage("1", "Silent Harbor", "A novel by Mira Tolan about Straße and café."),
    Passage("2", "Twin", "same words here"),
    Passage("3", "Twin", "same words here"),
    Passage("4", "Marks only", "?!"),
]


def assert_same_ranking(passages: list[Passage], queries: list[str], top_k: int) -> None:
    first, second = Bm25Index(passages, "rank-bm25"), Bm25Index(passages, "bm25s")
    for query in queries:
        one, other = first.search(query, top_k), second.search(query, top_k)
        assert [hit.passage.id for hit in one] == [hit.passage.id for hit in other], query
        for a, b in zip(one, other, strict=True):
            assert a.score == pytest.approx(b.score, abs=1e-6)


def test_backends_agree_on_a_generated_world(world: World) -> None:
    rng = random.Random(0)
    words = " ".join(page.text for page in world.passages[:40]).split()
    queries = [" ".join(rng.sample(words, rng.randint(1, 8))) for _ in range(60)]
    assert_same_ranking(world.passages, [*queries, "born born in", "is a film"], 7)


def test_backends_agree_on_real_text(wiki_passages: list[Passage]) -> None:
    rng = random.Random(1)
    words = " ".join(page.text for page in rng.sample(wiki_passages, 30)).split()
    queries = [" ".join(rng.sample(words, rng.randint(1, 9))) for _ in range(25)]
    assert_same_ranking(wiki_passages, queries, 10)


@pytest.mark.parametrize("backend", ["rank-bm25", "bm25s"])
def test_search(backend: str) -> None:
    index = Bm25Index(PAGES, backend)  # type: ignore[arg-type]
    assert [hit.passage.id for hit in index.search("SILENT, river!", 5)] == ["0", "1"]
    assert [hit.passage.id for hit in index.search("words", 5)] == ["2", "3"]  # a tie
    assert [hit.passage.id for hit in index.search("words", 1)] == ["2"]
    assert [hit.passage.id for hit in index.search("cafe\u0301 straße", 3)] == ["1"]
    assert index.search("unheard zzz", 3) == []
    assert index.search("", 3) == []
    known = index.search("river", 3)
    assert index.search("river zzz", 3) == known == [Hit(PAGES[0], known[0].score)]


def test_a_term_of_every_passage_still_finds_them() -> None:
    pages = [Passage(str(number), f"T{number}", "common " * (number + 1)) for number in range(30)]
    for backend in ("rank-bm25", "bm25s"):
        assert len(Bm25Index(pages, backend).search("common", 30)) == 30


def test_auto_takes_the_faster_one(world: World) -> None:
    assert Bm25Index(world.passages).backend == "rank-bm25"
    many = [Passage(str(number), f"t{number}", "w") for number in range(600)]
    assert Bm25Index(many).backend == "bm25s"


def test_errors_name_the_fix() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Bm25Index([])
    with pytest.raises(ValueError, match="use auto"):
        Bm25Index(PAGES, "faiss")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one"):
        Bm25Index(PAGES).search("river", 0)
    with pytest.raises(ValueError, match="nothing to index"):
        Bm25Index([Passage("0", "?", "!")])


def test_titles() -> None:
    index = Bm25Index(PAGES)
    assert index.by_title("  silent   RIVER ") == PAGES[0]
    assert index.by_title("Twin") == PAGES[2]
    assert index.by_title("Silent") is None
    assert index.nearest_titles("Silnt Rivr", 2) == ["Silent River", "Silent Harbor"]
    assert index.nearest_titles("xyzq", 3) == []


def test_no_progress_bar(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    Bm25Index(world.passages, "bm25s").search("film", 3)
    assert capfd.readouterr() == ("", "")
