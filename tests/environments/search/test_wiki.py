"""The environment: what its tools answer, what it rewards, what its hints say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import envgym
from envgym import Action, Task
from envgym.errors import UsageError
from tests.environments.near import scores_of_near_misses
from tests.environments.played import attempted

PAGES = [
    {"title": "Ada Moss", "text": "Ada Moss is a film director. Her brother is Ada Lee Moss."},
    {"title": "Ada Lee Moss", "text": "Ada Lee Moss, brother of Ada Moss, Moss of the Ada Moss."},
    {"title": "Silent River", "text": "Silent River is a 1974 film directed by Ada Moss."},
]
TASK = Task({"question": "Who directed Silent River?"}, {"golds": ["Ada Moss"], "chain": []})


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "pages.json"
    path.write_text(json.dumps(PAGES))
    (tmp_path / "questions.json").write_text(
        json.dumps([{"question": TASK.data["question"], "answer": "Ada Moss"}])
    )
    return str(path)


async def play(corpus: str, *actions: Action, **kwargs: Any) -> list[envgym.StepResult]:
    questions = str(Path(corpus).with_name("questions.json"))
    async with envgym.make("search/wiki-v1", corpus=corpus, questions=questions, **kwargs) as env:
        await env.reset(seed=0, options={"task": TASK})
        return [await env.step(action) for action in actions]


async def test_a_page_named_in_full_is_found_first(corpus: str) -> None:
    [named] = await play(corpus, Action.call("search", query="ada  moss"), top_k=2)
    shown = named.observation.text.splitlines()
    assert shown[0].startswith("[1] Ada Moss: ")
    assert shown[1].startswith("[2] Ada Lee Moss: ")  # and is not shown twice
    [words] = await play(corpus, Action.call("search", query="brother of moss"), top_k=1)
    assert words.observation.text.startswith("[1] Ada Lee Moss: ")


@pytest.mark.parametrize(
    ("text", "metric", "score"),
    [
        ("Ada Moss", "em", 1.0),
        ("the ada moss!", "em", 1.0),
        ("Ada", "em", 0.0),
        ("Ada", "f1", 2 / 3),
        ("", "f1", 0.0),
    ],
)
async def test_the_answer_alone_is_judged(
    corpus: str, text: str, metric: str, score: float
) -> None:
    *_, last = await play(
        corpus,
        Action.call("search", query="Silent River"),  # the gold on the page earns nothing
        Action.call("answer", text=text),
        metric=metric,
    )
    assert last.terminated
    assert last.info["score"] == pytest.approx(score)
    assert last.reward == pytest.approx(score)


async def test_form_is_rewarded_apart_from_the_score(corpus: str) -> None:
    clean = await play(corpus, Action.call("answer", text="Lee"), format_reward=0.25)
    broken = await play(
        corpus,
        Action.call("search", top_k=99, query="x"),
        Action.call("answer", text="Lee"),
        format_reward=0.25,
    )
    assert (clean[-1].reward, clean[-1].info["score"]) == (0.25, 0.0)
    assert (broken[-1].reward, broken[-1].info["score"]) == (0.0, 0.0)


async def test_the_oracle_answers_chains_of_every_length_by_searching() -> None:
    async with envgym.make("search/wiki-v1", size=300, top_k=1) as env:
        source = env.tasks("test")
        for index in range(0, min(len(source), 120), 3):
            await env.reset(seed=0, options={"task": source[index]})
            used = []
            async for action in env.oracle():
                used.append(action.tool_calls[0].name)
                step = await env.step(action)
            assert step.info["score"] == 1.0
            assert used == ["search"] * int(source[index].difficulty) + ["answer"]


async def test_hints_lead_on_without_the_answer() -> None:
    async with envgym.make("search/wiki-v1", size=300, hops=[2]) as env:
        await env.reset(seed=1)
        relations, page, first, both = env.hints()
        steps = env.task.hidden["chain"]
        assert steps[0]["relation"].replace("_", " ") in relations
        assert page == f'Hint: begin with access(title="{steps[0]["page"]}").'
        assert steps[1]["page"] not in page
        assert steps[0]["sentence"] in first
        assert both.startswith(first)
        assert f'access(title="{steps[1]["page"]}")' in both
        assert not any(gold in both for gold in env.task.hidden["golds"])


async def test_hints_name_the_first_page_that_was_missed() -> None:
    async with envgym.make("search/wiki-v1", size=300, hops=[2]) as env:
        await env.reset(seed=1)
        task, (one, two) = env.task, env.task.hidden["chain"]
        see = [Action.call("access", title=step["page"]) for step in (one, two)]
        for actions, told in (
            ((Action.call("answer", text="?"),), f"no call showed the page {one['page']!r}"),
            (
                (see[0],),
                f"you found 1 of 2 pages that matter; no call showed the page {two['page']!r}",
            ),
            ((*see, Action.call("answer", text=two["page"])), "your answer is only the "),
            ((*see, Action.call("answer", text="?")), "you found every page that matters: on "),
            ((), "no message held a tool call"),
        ):
            attempt = await attempted(env, task, *actions)
            assert env.hints(attempt)[1].startswith(f"Hint: {told}")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"hops": [5]}, "hops must be"),
        ({"top_k": 0}, "top_k must be"),
        ({"metric": "bleu"}, "metric must be"),
        ({"relations": ["directr"]}, "director"),
        ({"questions": "q.json"}, "corpus=PATH"),
        ({"corpus": "nowhere.json"}, "no file"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        envgym.make("search/wiki-v1", **kwargs).tasks("train")


@pytest.mark.parametrize("metric", ["em", "f1"])
async def test_near_misses_fail(metric: str) -> None:
    assert max(await scores_of_near_misses("search/wiki-v1", 12, metric=metric)) < 1.0


async def test_a_text_too_long_is_refused_and_the_episode_goes_on() -> None:
    async with envgym.make("search/wiki-v1", size=60) as env:
        await env.reset(seed=0)
        for tool, argument in (("search", "query"), ("access", "title"), ("answer", "text")):
            step = await env.step(Action.call(tool, **{argument: "x " * 500_000}))
            assert "longer than 4000 characters" in step.observation.text
            assert not step.done
