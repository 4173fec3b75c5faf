"""``search/wiki-v1``: answer questions by searching an encyclopedia over many turns.

Search-R1's and ASearcher's game on a generated world (nothing to download, nothing to remember)
or on a corpus of one's own. Graded on the argument of `answer` alone, which only the model writes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal

from envgym.environments.search.dataset import Library, Source
from envgym.environments.search.retrieval.index import Backend
from envgym.environments.search.retrieval.remote import RemoteRetriever
from envgym.environments.search.retrieval.retriever import LocalRetriever, Retriever
from envgym.environments.search.scoring import exact_match, f1
from envgym.environments.search.world.questions import MAX_HOPS, Question
from envgym.errors import ToolError, UsageError
from envgym.messages import Action, Message, system, user
from envgym.resources import Shared
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool
from envgym.trajectory import Episode

_MAX_CHARS = 4_000
"""Of a query, a title or an answer: reading one takes its time on the event loop."""
_NEAR = 6
_SCANNED = 200
"""Questions that are looked at for other answers."""
INSTRUCTIONS = "Answer the question by searching an encyclopedia. Give only the answer itself."


class WikiSearch(ToolEnv[Task]):
    """Multi-hop question answering with a search tool.

    Args:
        seed, size: Of the generated world; size is its number of pages.
        phrasings: Wordings of a fact in it, 1 to 3: one makes reading easy.
        relations: Those that its questions follow (``director``, ``mother``, …); all when empty.
        corpus: JSON or JSONL file of passages to search instead.
        questions: Its question file; without one, questions are made from the passages.
        hops: Chain lengths to ask, 1 to 4 (1 and 2 for questions made from passages).
        top_k: Pages a search returns unless the call says otherwise.
        page_chars: Characters of a page shown; None for all.
        metric: ``em`` (exact match) or ``f1``; both are SQuAD-normalised, best over the golds.
        format_reward: Added to the reward of an answer when no call before it was broken and no
            turn went without one. Shaping: the score is the metric alone.
        backend: Of the index.
        server: Address of an ``envgym search serve`` that has the pages; here are only questions.
    """

    max_turns = 8

    def __init__(
        self,
        *,
        seed: int = 0,
        size: int = 600,
        phrasings: int = 3,
        relations: Sequence[str] = (),
        corpus: str | None = None,
        questions: str | None = None,
        hops: Sequence[int] = (1, 2, 3, 4),
        top_k: int = 3,
        page_chars: int | None = 2000,
        metric: Literal["em", "f1"] = "em",
        format_reward: float = 0.0,
        backend: Backend = "auto",
        server: str | None = None,
        max_turns: int | None = None,
    ) -> None:
        super().__init__(max_turns=max_turns)
        if not hops or not set(hops) <= set(range(1, MAX_HOPS + 1)):
            raise UsageError(f"hops must be within 1..{MAX_HOPS}, not {list(hops)}")
        if top_k < 1:
            raise UsageError(f"top_k must be at least 1, not {top_k}")
        if metric not in ("em", "f1"):
            raise UsageError(f"metric must be em or f1, not {metric!r}")
        self._hops = tuple(sorted(set(hops)))
        self._top_k = top_k
        self._page_chars = page_chars
        self._metric = metric
        self._format_reward = format_reward
        source = Source(seed, size, phrasings, tuple(relations), corpus, questions, backend, server)
        self._shared: Shared[Library] = Shared(
            ("search/wiki", source), lambda: Library.open(source)
        )
        self._server = server
        self._remote: Shared[RemoteRetriever] | None = None

    def tasks(self, split: str = "train") -> TaskSource:
        """Questions of a split; difficulty is the number of hops."""
        pool = self._shared.value.questions(split, self._hops)
        return TaskSource(len(pool), lambda i: _task(pool[i], split))

    def corpus_text(self) -> Iterator[str]:
        """The pages as text, for training a tokenizer."""
        for passage in self._shared.value.passages:
            yield f"{passage.title}: {passage.text}"

    async def start(self, task: Task) -> Sequence[Message]:
        """The rules and the question."""
        return system(INSTRUCTIONS), user(task.data["question"])

    async def stop(self) -> None:
        """Let go of the index, or of the connection to it."""
        await self._shared.close()
        remote, self._remote = self._remote, None
        if remote is not None:
            await remote.close()

    @tool(parallel=True)
    async def search(self, query: str, top_k: int | None = None) -> str:
        """Find pages by key words; the page whose title they are comes first.

        Args:
            query: Words that the page holds.
            top_k: How many pages, 10 at most.
        """
        _check_length(query)
        wanted = self._top_k if top_k is None else top_k
        if not 1 <= wanted <= 10:
            raise ToolError("top_k must be between 1 and 10.")
        pages = await self._pages().find(query, wanted)
        if not pages:
            return "No page found."
        return "\n".join(
            f"[{rank}] {page.title}: {self._shown(page.text)}" for rank, page in enumerate(pages, 1)
        )

    @tool(parallel=True)
    async def access(self, title: str) -> str:
        """Open a page by its title.

        Args:
            title: The page's title.
        """
        _check_length(title)
        passage, near = await self._pages().page(title)
        if passage is None:
            return f"No page with that title. Near it: {', '.join(near) or 'none'}."
        return f"{passage.title}: {self._shown(passage.text)}"

    @tool
    async def answer(self, text: str) -> str:
        """Give the final answer.

        Args:
            text: The answer, as short as it can be.
        """
        _check_length(text)
        golds = self.task.hidden["golds"]
        em, overlap = exact_match(text, golds), f1(text, golds)
        score = em if self._metric == "em" else overlap
        faults = self.metrics.get("tool_errors", 0) + self.metrics.get("no_tool_call", 0)
        well_formed = float(faults == 0)
        self.metrics |= {"em": em, "f1": overlap, "format": well_formed}
        self.end(score, reward=score + self._format_reward * well_formed)
        return "Answer noted."

    async def oracle(self) -> AsyncIterator[Action]:
        """Search each page of the chain by its title, then answer."""
        steps = self.task.hidden["chain"]
        if not steps:
            yield Action.call("search", query=self.task.data["question"])
        for step in steps:
            title = step["page"]
            found = await self._pages().find(title, self._top_k)
            if any(page.title == title for page in found):
                yield Action.call("search", query=title)
            else:  # two pages share the title but for its case
                yield Action.call("access", title=title)
        yield Action.call("answer", text=self.task.hidden["golds"][0])

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """Nothing, the gold in more words, and answers to other questions of the same kind."""
        golds = self.task.hidden["golds"]
        wrong = ["", f"not {golds[0]}", f"{golds[0]} or another"]
        for other in self._others():
            if not any(exact_match(other, [gold]) for gold in golds):
                wrong.append(other)
            if len(wrong) == _NEAR:
                break
        return [(Action.call("answer", text=text),) for text in wrong]

    def _others(self) -> Iterator[str]:
        """Answers to the first questions of the training split, of the task's relation if any."""
        steps = self.task.hidden["chain"]
        pool = self._shared.value.questions("train", self._hops)
        for question in islice(pool, _SCANNED):
            if not steps or question.chain[-1].relation == steps[-1]["relation"]:
                yield question.golds[0]

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """The relations to follow, then the first page, then its sentence with the gold blanked."""
        steps = self.task.hidden["chain"]
        if not steps:
            return ()
        relations = ", then ".join(s["relation"].replace("_", " ") for s in steps)
        first = steps[0]
        sentence = _blank(first["sentence"], self.task.hidden["golds"])
        return (
            f"Hint: find the {relations}.",
            f"Hint: begin with the page {first['page']!r}.",
            f"Hint: that page says: {sentence}",
        )

    def _pages(self) -> Retriever:
        """The index, or the one connection that environments of an event loop share."""
        index = self._shared.value.index
        if index is not None:
            return LocalRetriever(index)
        if self._remote is None:
            assert self._server is not None  # a library without an index has its server's
            server = self._server
            key = ("search/server", server, asyncio.get_running_loop())
            self._remote = Shared(key, lambda: RemoteRetriever(server))
        return self._remote.value

    def _shown(self, text: str) -> str:
        if self._page_chars is None or len(text) <= self._page_chars:
            return text
        return text[: self._page_chars].rsplit(" ", 1)[0] + " …"


def _check_length(text: str) -> None:
    if len(text) > _MAX_CHARS:
        raise ToolError(f"that is longer than {_MAX_CHARS} characters: write fewer.")


def _task(question: Question, split: str) -> Task:
    hidden: dict[str, Any] = {
        "golds": list(question.golds),
        "chain": [
            {"page": s.page, "relation": s.relation, "sentence": s.sentence} for s in question.chain
        ],
    }
    return Task({"question": question.text}, hidden, split, question.hops or None)


def _blank(sentence: str, golds: Sequence[str]) -> str:
    for gold in sorted(golds, key=len, reverse=True):
        sentence = re.sub(re.escape(gold), "___", sentence, flags=re.IGNORECASE)
    return sentence
