"""What all `search/wiki` environments of a process share: an index and the questions over it.

Either a generated world, or a corpus from a file with questions read from another file or drawn
from the passages themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from envgym.environments.search.chain import SPLITS, Question, split_of
from envgym.environments.search.corpus import load_corpus, load_questions
from envgym.environments.search.index import Backend, Bm25Index
from envgym.environments.search.questions import question_pool
from envgym.environments.search.relations import RELATIONS
from envgym.environments.search.world import World
from envgym.errors import UsageError, suggest


@dataclass(frozen=True)
class Source:
    """Where pages and questions come from. Hashable: equal sources share one library.

    Attributes:
        seed, size, phrasings: Of the generated world; size is its number of pages.
        relations: Those that questions over the world may follow; all when empty.
        corpus: File of passages to use instead.
        questions: File of questions over that corpus; without it they are made from the passages.
        backend: See `Bm25Index`.
    """

    seed: int = 0
    size: int = 600
    phrasings: int = 3
    relations: tuple[str, ...] = ()
    corpus: str | None = None
    questions: str | None = None
    backend: Backend = "auto"


@dataclass
class Library:
    """An index and its questions, by split and hops."""

    index: Bm25Index
    world: World | None
    fixed: Sequence[Question] = ()
    relations: Sequence[str] = ()
    _pools: dict[tuple[str, tuple[int, ...]], list[Question]] = field(default_factory=dict)

    @classmethod
    def open(cls, source: Source) -> Library:
        """Generate or load.

        Raises:
            UsageError: A file is missing or malformed (its name and line are given).
        """
        if source.corpus is None:
            if source.questions is not None:
                raise UsageError("a question file needs its corpus: give corpus=PATH too")
            try:
                world = World.generate(source.seed, source.size, source.phrasings)
            except ValueError as error:
                raise UsageError(str(error)) from error
            if unknown := set(source.relations) - set(RELATIONS):
                raise UsageError(f"no relation {min(unknown)!r}.{suggest(min(unknown), RELATIONS)}")
            index = Bm25Index(world.passages, source.backend)
            return cls(index, world, relations=source.relations)
        try:
            passages = load_corpus(_existing(source.corpus))
            if source.questions is None:
                from envgym.environments.search.extracted import extract_questions

                questions = extract_questions(passages)
            else:
                rows = load_questions(_existing(source.questions))
                questions = [Question(r.question, r.answers, 0, ()) for r in rows]
        except ValueError as error:
            raise UsageError(str(error)) from error
        return cls(Bm25Index(passages, source.backend), None, questions)

    def questions(self, split: str, hops: tuple[int, ...]) -> list[Question]:
        """The questions of a split, in a fixed order; chain lengths alternate.

        Longer chains outnumber shorter ones by far, so a generated world gives as many of each as
        it has of the rarest. A question file has no chains: `hops` does not apply to it.
        """
        if split not in SPLITS:
            raise UsageError(f"no split {split!r}: use {' or '.join(SPLITS)}")
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


def _existing(path: str) -> str:
    if not Path(path).is_file():
        raise UsageError(f"no file {path!r}: give the path of a JSON or JSONL file")
    return path
