"""``search/wiki-v1``: answer questions by searching an encyclopedia over many turns.

The task of Search-R1 and ASearcher on a generated world (no download, no contamination) or on a
corpus from a file. Only the argument of `answer`, which the model alone writes, is graded.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Any, Literal

from envgym.environments.attempts import calls
from envgym.environments.graded_hints import call_text, graded
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
"""Maximum length of a query, a title or an answer, which are processed on the event loop."""
_NEAR_MISSES = 6
"""Maximum number of near misses per task."""
_SCANNED = 200
"""Number of questions searched for other answers."""
INSTRUCTIONS = "Answer the question by searching an encyclopedia. Give only the answer itself."


class WikiSearch(ToolEnv[Task]):
    """Multi-hop question answering with a search tool.

    The task of Search-R1 and ASearcher, on a generated encyclopedia (no download, no contamination)
    or on a corpus from a file.

    Actions:
        ``search(query, top_k)``: pages by key words.
        ``access(title)``: one page by its title.
        ``answer(text)``: the final answer.

    Observations:
        First the question. Then pages with rank and title, cut at ``page_chars``; for an unknown
        title, the nearest titles.

    Rewards:
        At the end the score: exact match or F1 of the answer, SQuAD-normalised, best over the
        golds. Plus ``format_reward`` where no call was broken and no turn went without one.

    Episode end:
        Terminated by `answer`; truncated after 8 turns.

    Hints:
        The relations to follow; the first page of the chain that the attempt did not see, or the
        step at which its answer stopped; then page after page with its sentence, the gold blanked
        out. None for questions without a known chain.

    Info:
        Metrics ``em``, ``f1``, ``format`` (1 for an episode without a broken or missing call) and
        those of `ToolEnv`. The difficulty of a task is its number of hops.

    Args:
        seed: Seed of the generated world.
        size: Number of pages of the generated world.
        phrasings: Wordings per kind of fact in the generated world, 1 to 3; 1 is easiest to read.
        relations: Relations that questions follow (``director``, ``mother``, …); all when empty.
        corpus: JSON or JSONL file of passages that replaces the generated world.
        questions: Question file of the corpus; without one, questions are made from the passages.
        hops: Chain lengths to ask, each 1 to 4 (1 and 2 for questions made from passages).
        top_k: Pages per search where the call names no number.
        page_chars: Characters of a page shown; None for all.
        metric: ``em`` (exact match) or ``f1``.
        format_reward: Reward for the format, added at the end; the score does not contain it.
        backend: BM25 library of the index: ``auto``, ``rank-bm25`` or ``bm25s``.
        server: Address of an ``envgym search serve`` that holds the pages.
        max_turns: Turns before truncation; 8 by default.

    Version history:
        v1: first release.
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
        """Pages as training text for a tokenizer."""
        for passage in self._shared.value.passages:
            yield f"{passage.title}: {passage.text}"

    async def start(self, task: Task) -> Sequence[Message]:
        """Instructions and question."""
        return system(INSTRUCTIONS), user(task.data["question"])

    async def stop(self) -> None:
        """Release the index, or the connection to it."""
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
            else:  # two titles differ in case only
                yield Action.call("access", title=title)
        yield Action.call("answer", text=self.task.hidden["golds"][0])

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """An empty answer, the gold with other words, and answers to other questions of the same
        kind.
        """
        golds = self.task.hidden["golds"]
        wrong = ["", f"not {golds[0]}", f"{golds[0]} or another"]
        for other in self._others():
            if not any(exact_match(other, [gold]) for gold in golds):
                wrong.append(other)
            if len(wrong) == _NEAR_MISSES:
                break
        return [(Action.call("answer", text=text),) for text in wrong]

    def _others(self) -> Iterator[str]:
        """Answers to training questions with the task's last relation (any relation without a
        chain).
        """
        steps = self.task.hidden["chain"]
        pool = self._shared.value.questions("train", self._hops)
        for question in islice(pool, _SCANNED):
            if not steps or question.chain[-1].relation == steps[-1]["relation"]:
                yield question.golds[0]

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Relations, the first page that was missed, then the pages with their sentences."""
        steps, golds = self.task.hidden["chain"], self.task.hidden["golds"]
        if not steps:
            return ()
        relations = ", then ".join(_words(s["relation"]) for s in steps)
        cues = [f"begin with {call_text('access', title=steps[0]['page'])}."]
        for count in range(1, len(steps) + 1):
            told = [
                f"{call_text('access', title=s['page'])} says: {_blank(s['sentence'], golds)}"
                for s in steps[:count]
            ]
            cues.append(" Then ".join(told))
        plan = f"find the {relations}."
        return graded(self.task, attempt, plan, _first_missed(steps, attempt), cues)

    def _pages(self) -> Retriever:
        """Local index, or the connection that the environments of an event loop share."""
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


def _first_missed(steps: Sequence[Mapping[str, str]], attempt: Episode | None) -> str:
    """The first page of the chain that an attempt did not see, or what its answer is instead."""
    made = calls(attempt)
    if not made:
        return ""
    shown = "\n".join(call.reply for call in made if call.name in ("search", "access"))
    for number, step in enumerate(steps):
        if not re.search(rf"^(?:\[\d+\] )?{re.escape(step['page'])}: ", shown, re.MULTILINE):
            found = f"you found {number} of {len(steps)} pages that matter; " if number else ""
            return f"{found}no call showed the page {step['page']!r}: {_look_for(step)}."
    given = [call.text("text") for call in made if call.name == "answer"]
    for step, after in pairwise(steps):
        if given and exact_match(given[-1], after["page"]):
            return f"your answer is only the {_words(step['relation'])}: {_look_for(steps[-1])}."
    return f"you found every page that matters: {_look_for(steps[-1])}."


def _look_for(step: Mapping[str, str]) -> str:
    return f"on {step['page']!r} look for the {_words(step['relation'])}"


def _words(relation: str) -> str:
    return relation.replace("_", " ")


def _blank(sentence: str, golds: Sequence[str]) -> str:
    for gold in sorted(golds, key=len, reverse=True):
        sentence = re.sub(re.escape(gold), "___", sentence, flags=re.IGNORECASE)
    return sentence
