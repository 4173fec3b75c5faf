"""Multi-hop questions: provable step by step, one answer, disjoint splits, stable indexes."""

from __future__ import annotations

import pytest

from envgym.environments.search.question import Question, mentions, split_of
from envgym.environments.search.world.questions import MAX_HOPS, question_pool
from envgym.environments.search.world.world import World
from envgym.utils.splits import SPLITS

HOPS = range(1, MAX_HOPS + 1)


def assert_proven(world: World, question: Question) -> None:
    """Walk the facts: each step must stand on its page and lead to the next, ending at a gold."""
    title = question.chain[0].subject
    assert title in question.text
    for step in question.chain:
        assert step.subject == step.page == title
        assert world.facts_about(title)[step.relation].object == step.object
        assert step.sentence in world.page(step.page).text
        assert step.object in step.sentence
        title = step.object
    assert question.golds[0] == title
    assert len(question.chain) == question.hops
    assert not mentions(question.text, question.golds)
    for step in question.chain[:-1]:
        assert not any(gold in world.page(step.page).text for gold in question.golds)


@pytest.mark.parametrize("hops", HOPS)
def test_every_question_is_proven_and_in_its_split(world: World, hops: int) -> None:
    for split in SPLITS:
        pool = question_pool(world, hops, split)
        assert len(pool) > 0
        for question in pool:
            assert_proven(world, question)
            assert question.hops == hops
            assert split_of(question.chain[0].subject) == split


@pytest.mark.parametrize("hops", HOPS)
def test_no_duplicates_within_or_across_splits(world: World, hops: int) -> None:
    questions = [question for split in SPLITS for question in question_pool(world, hops, split)]
    assert len({question.text for question in questions}) == len(questions)
    keys = {(q.chain[0].subject, *(step.relation for step in q.chain)) for q in questions}
    assert len(keys) == len(questions)


def test_pools_are_stable_and_shuffled_by_the_seed(world: World) -> None:
    pool = question_pool(world, 2, "train", seed=4)
    again = question_pool(World.generate(world.seed, world.size), 2, "train", seed=4)
    assert pool[17] == again[17]
    assert pool[:3] == [pool[0], pool[1], pool[2]]
    assert pool[-1] == pool[len(pool) - 1]
    other = question_pool(world, 2, "train", seed=5)
    assert {q.chain for q in other} == {q.chain for q in pool}
    assert [q.chain for q in other] != [q.chain for q in pool]


def test_split_is_about_four_to_one() -> None:
    titles = [page.title for page in World.generate(0, 2000).passages]
    share = sum(split_of(title) == "test" for title in titles) / len(titles)
    assert 0.17 < share < 0.23


def test_aliases_are_golds(world: World) -> None:
    pool = [q for split in SPLITS for q in question_pool(world, 1, split)]
    with_alias = [q for q in pool if len(q.golds) == 2]
    assert with_alias
    assert all(world.aliases[q.golds[0]] == q.golds[1] for q in with_alias)


def test_errors_name_the_fix(world: World) -> None:
    with pytest.raises(ValueError, match="use 1 to 4"):
        question_pool(world, 5, "train")
    with pytest.raises(ValueError, match="use train or test"):
        question_pool(world, 1, "dev")  # type: ignore[arg-type]


def test_relations_bound_the_chains(world: World) -> None:
    pool = question_pool(world, 2, "train", relations=("director", "mother"))
    assert {step.relation for question in pool for step in question.chain} <= {"director", "mother"}
    with pytest.raises(ValueError, match="unknown relations"):
        question_pool(world, 1, "train", relations=("aunt",))
