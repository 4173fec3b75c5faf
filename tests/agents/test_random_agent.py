from __future__ import annotations

import random
from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from envgym.agent import Context
from envgym.agents import RandomAgent
from envgym.agents.random_agent import random_value
from envgym.env import Env
from envgym.messages import user
from envgym.rollout.runner import Rollout, Start

Game = type[Env[Any]]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Tree(BaseModel):
    value: int = Field(ge=3, lt=5)
    children: list[Tree] = []
    next: Tree | None = None


class Everything(BaseModel):
    text: str = Field(min_length=2, max_length=7)
    number: float = Field(gt=0, le=0.5)
    below: int = Field(le=-20)
    above: int = Field(gt=1000)
    flag: bool
    colour: Colour
    side: Literal["left", 3] | None
    only: Literal["one"]
    some: list[int] = Field(min_length=2, max_length=2)
    pair: tuple[int, str]
    mixed: int | list[str] | dict[str, int]
    tree: Tree


@pytest.mark.parametrize("kind", [Everything, Tree, list[Tree], int | None, tuple[int, ...]])
def test_values_fit_the_schema(kind: Any) -> None:
    adapter = TypeAdapter(kind)
    schema = adapter.json_schema()
    for seed in range(200):
        adapter.validate_python(random_value(schema, random.Random(seed)), strict=None)


async def test_every_call_is_valid_and_every_tool_is_tried(guess: Game) -> None:
    result = await Rollout(guess).run([Start(seed) for seed in range(100)], RandomAgent())
    assert len(result.episodes) == 100
    assert all(e.metrics["tool_errors"] == 0 for e in result.episodes)
    assert sum(e.score for e in result.episodes) > 0, "a number of ten is guessed now and then"
    assert {len(e.turns) for e in result.episodes} > {1, 2}


async def test_the_seed_decides_alone(guess: Game) -> None:
    agent = RandomAgent()
    context = Context("s", [user("one two three")], guess.tools, seed=5)
    first = await agent.act(context)
    random.seed(0)
    assert await agent.act(context) == first
    others = [await agent.act(Context("s", [user("a b")], guess.tools, seed=s)) for s in range(9)]
    assert any(other != first for other in others)


async def test_without_tools_it_talks_with_words_it_has_heard() -> None:
    completion = await RandomAgent().act(Context("s", [user("alpha beta")], [], seed=1))
    assert completion.action is not None
    assert completion.action.tool_calls == ()
    assert set(completion.action.text.split()) <= {"alpha", "beta"}
