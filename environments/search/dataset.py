"""Shared index and questions of all `search/wiki` environments of a process.

Pages come from a generated world, or from a corpus file with questions from another file or made
from the passages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from envgym.environments.search.corpus import Passage, load_corpus, load_questions
from envgym.environments.search.question import Question, split_of
from envgym.environments.search.retrieval.index import Backend, Bm25Index
from envgym.environments.search.world.questions import question_pool
from envgym.environments.search.world.relations import RELATIONS
from envgym.environments.search.world.world import World
from envgym.errors import UsageError, suggest
from envgym.utils.splits import check_split


@dataclass(frozen=True)
class Source:
    """Identity of pages and questions; equal sources share one library.

    Attributes:
        seed: Seed of the generated world.
        size: Number of pages of the generated world.
        phrasings: Wordings per kind of fact in the generated world.
        relations: Relations that questions over the world follow; all when empty.
        corpus: File of passages that replaces the generated world.
        questions: File of questions over that corpus; without it they are made from the passages.
        backend: BM25 library; see `Bm25Index`.
        server: Address of a search server that holds the pages; only questions are made here.
    """

    seed: int = 0
    size: int = 600
    phrasings: int = 3
    relations: tuple[str, ...] = ()
    corpus: str | None = None
    questions: str | None = None
    backend: Backend = "auto"
    server: str | None = None


@dataclass
class Library:
    """Pages, their index (unless a server has it), and questions by split and hops."""

    passages: Sequence[Passage]
    index: Bm25Index | None
    world: World | None
    fixed: Sequence[Question] = ()
    relations: Sequence[str] = ()
    _pools: dict[tuple[str, tuple[int, ...]], list[Question]] = field(default_factory=dict)

    @classmethod
    def open(cls, source: Source) -> Library:
        """Generate or load a source.

        Raises:
            UsageError: A file is missing or malformed (its name and line are given).
        """
        if source.corpus is None and source.questions is not None:
            if source.server is None:
                fix = "give corpus=PATH too, or server=URL"
                raise UsageError(f"a question file needs its corpus: {fix}")
            return cls((), None, None, _questions(source.questions))
        passages, world = pages(source)
        index = Bm25Index(passages, source.backend) if source.server is None else None
        if world is not None:
            if unknown := set(source.relations) - set(RELATIONS):
                raise UsageError(f"no relation {min(unknown)!r}.{suggest(min(unknown), RELATIONS)}")
            return cls(passages, index, world, relations=source.relations)
        if source.questions is None:
            from envgym.environments.search.extraction.questions import extract_questions

            return cls(passages, index, None, extract_questions(passages))
        return cls(passages, index, None, _questions(source.questions))

    def questions(self, split: str, hops: tuple[int, ...]) -> list[Question]:
        """Questions of a split in a fixed order, with alternating chain lengths.

        Longer chains outnumber shorter ones by far, so a generated world gives as many of each as
        it has of the rarest. A question file has no chains: `hops` does not apply to it.
        """
        check_split(split)
        key = (split, hops)
        if key not in self._pools:
            if self.world is not None:
                followed = self.relations or RELATIONS
                pools = [question_pool(self.world, n, split, 0, followed) for n in hops]
                self._pools[key] = [q for row in zip(*pools, strict=False) for q in row]
            else:
                mine = [q for q in self.fixed if split_of(_start(q)) == split]
                self._pools[key] = [q for q in mine if not q.chain or q.hops in hops]
        if not self._pools[key]:
            raise UsageError(f"no {split} question with hops in {hops}: use other hops or data")
        return self._pools[key]


def _start(question: Question) -> str:
    return question.chain[0].subject if question.chain else question.text


def pages(source: Source) -> tuple[Sequence[Passage], World | None]:
    """Pages of a source, with their world where they are generated.

    Raises:
        UsageError: As `Library.open`.
    """
    try:
        if source.corpus is not None:
            return load_corpus(_existing(source.corpus)), None
        world = World.generate(source.seed, source.size, source.phrasings)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return world.passages, world


def _questions(path: str) -> list[Question]:
    try:
        rows = load_questions(_existing(path))
    except ValueError as error:
        raise UsageError(str(error)) from error
    return [Question(row.question, row.answers, 0, ()) for row in rows]


def _existing(path: str) -> str:
    if not Path(path).is_file():
        raise UsageError(f"no file {path!r}: give the path of a JSON or JSONL file")
    return path
