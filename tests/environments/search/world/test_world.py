"""Generated worlds: deterministic, unique names, pages of the promised shape, facts in the text."""

from __future__ import annotations

import re

import pytest

from envgym.environments.search.world.relations import RELATIONS, WORKS
from envgym.environments.search.world.world import MIN_SIZE, World


def test_same_seed_same_world() -> None:
    World.generate(8, 60)  # another world in between changes nothing
    assert World.generate(7, 60) == World.generate(7, 60)
    assert World.generate(7, 60) != World.generate(8, 60)


@pytest.mark.parametrize("size", [MIN_SIZE, 41, 77, 300])
def test_pages(size: int) -> None:
    for seed in range(6):
        world = World.generate(seed, size)
        titles = [page.title for page in world.passages]
        assert len(titles) == size
        names = [*titles, *world.aliases.values()]
        assert len({name.casefold() for name in names}) == len(names)
        for page in world.passages:
            assert 25 <= len(page.text.split()) <= 60
            pieces = re.split(r"(?<=[a-z0-9)]\.) (?=[A-Z])", page.text)
            assert 2 <= len(pieces) <= 5
            assert page.title in pieces[0]
            assert "{" not in page.text


def test_names_have_the_promised_length(world: World) -> None:
    for title, kind in world.kinds.items():
        words = len(title.split())
        assert words == 2 if kind in ("person", "company") else 1 <= words <= 3
        if kind in WORKS:
            assert words >= 2


def test_facts_are_typed_functional_and_stated(world: World) -> None:
    assert len({(fact.subject, fact.relation) for fact in world.facts}) == len(world.facts)
    for fact in world.facts:
        relation = RELATIONS[fact.relation]
        assert world.kinds[fact.subject] in relation.subjects
        if relation.object is None:
            assert re.fullmatch(r"(?:18|19|20)\d\d", fact.object)
        else:
            assert world.kinds[fact.object] == relation.object
        assert fact.object in fact.sentence
        assert fact.sentence in world.page(fact.subject).text


def test_families_are_sound() -> None:
    world = World.generate(5, 300)
    for person, kind in world.kinds.items():
        facts = world.facts_about(person)
        if kind != "person":
            continue
        year = int(facts["birth_year"].object)
        assert ("mother" in facts) == ("father" in facts)
        for relation in {"mother", "father"} & facts.keys():
            parent = world.facts_about(facts[relation].object)
            assert int(parent["birth_year"].object) <= year - 20
        if "spouse" in facts:
            assert world.facts_about(facts["spouse"].object)["spouse"].object == person


def test_every_relation_has_three_wordings_on_pages_and_in_questions() -> None:
    world = World.generate(1, 600)
    shapes: dict[str, set[str]] = {}
    for fact in world.facts:
        plain = fact.sentence.replace(fact.subject, "S").replace(fact.object, "O")
        shapes.setdefault(fact.relation, set()).add(re.sub(r"[A-Z]\w+ ?|\d+", "", plain))
    assert set(shapes) == set(RELATIONS)
    assert all(len(found) >= 3 for found in shapes.values())
    assert all(len(set(relation.questions)) >= 3 for relation in RELATIONS.values())


def test_aliases_stand_on_their_page_and_pages_have_lookalikes(world: World) -> None:
    assert world.aliases
    for title, alias in world.aliases.items():
        assert alias in world.page(title).text
    families = [t.split()[1] for t, kind in world.kinds.items() if kind == "person"]
    assert len(set(families)) < len(families) / 2


def test_too_small() -> None:
    with pytest.raises(ValueError, match=f"at least {MIN_SIZE} pages"):
        World.generate(0, MIN_SIZE - 1)
