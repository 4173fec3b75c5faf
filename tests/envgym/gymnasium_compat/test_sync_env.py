from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

from envgym import registry
from envgym.errors import UsageError
from envgym.gymnasium_compat import SyncEnv, register_all
from envgym.gymnasium_compat.text_space import SAMPLE_CHARS, AnyText
from envgym.messages import Action
from tests.envgym.worlds import Guess

CALL = '<tool_call>{"name": "guess", "arguments": {"number": %d}}</tool_call>'


@pytest.fixture(autouse=True)
def guess(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    registry.specs()
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))
    monkeypatch.setattr(registry, "_classes", dict(registry._classes))
    registry.register("test/guess-v1", Guess)
    register_all()
    yield
    gymnasium.registry.pop("test/guess-v1", None)


@pytest.mark.parametrize("id", ["test/guess-v1", "envgym.gymnasium_compat:search/wiki-v1"])
def test_gymnasiums_checker_has_nothing_to_say(id: str) -> None:
    kwargs = {"size": 60} if "wiki" in id else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(id, **kwargs)
        check_env(env.unwrapped)
        env.close()


def test_every_id_is_registered_as_it_is() -> None:
    assert set(registry.specs()) <= set(gymnasium.registry)
    register_all()
    env = gymnasium.make("test/guess-v1", max_turns=3)
    assert env.spec is not None
    assert env.spec.to_json()
    assert env.unwrapped.env.max_turns == 3  # type: ignore[attr-defined]
    env.close()


def test_an_episode_in_text() -> None:
    env = SyncEnv("test/guess-v1")
    text, info = env.reset(seed=3)
    assert text.startswith("Guess my number")
    assert '"name": "guess"' in info["instructions"]
    answer = env.env.task.hidden["answer"]
    text, reward, *ends, info = env.step(CALL % (answer + 1))
    assert (text, reward, ends) == ("Lower.", -0.125, [False, False])
    text, reward, *ends, info = env.step(CALL % answer)
    assert (text, reward, ends, info["score"]) == ("Right.", 1.0, [True, False], 1.0)
    with pytest.raises(UsageError, match="over"):
        env.step("")
    env.close()


def test_another_dialect() -> None:
    env = SyncEnv("test/guess-v1", dialect="tags")
    env.reset(seed=0)
    answer = env.env.task.hidden["answer"]
    assert env.step(f"<guess>{answer}</guess>")[0] == "Right."
    env.close()


def test_an_action_is_taken_as_it_is() -> None:
    env = SyncEnv("test/guess-v1")
    env.reset(seed=0)
    text, *_ = env.step(Action.call("guess", number=env.env.task.hidden["answer"]))
    assert text == "Right."
    env.reset(seed=0)
    with pytest.raises(UsageError, match=r"str or an envgym\.Action, not int"):
        env.step(3)  # type: ignore[arg-type]
    env.close()


def test_what_makes_the_environment_serves_for_an_id() -> None:
    env = SyncEnv(Guess, max_turns=1)
    env.reset(seed=0)
    assert env.step("")[2:4] == (False, True)
    env.close()


def test_closing_joins_the_thread_and_may_be_repeated() -> None:
    before = set(threading.enumerate())
    env = SyncEnv("test/guess-v1")
    env.reset(seed=0)
    assert set(threading.enumerate()) > before
    env.close()
    env.close()
    assert set(threading.enumerate()) == before
    with pytest.raises(UsageError, match="closed"):
        env.reset()
    with pytest.raises(UsageError, match="no argument"):
        SyncEnv("test/guess-v1", nonsense=1)
    assert set(threading.enumerate()) == before


def test_gymnasiums_vectors_take_it() -> None:
    vec = gymnasium.make_vec("test/guess-v1", num_envs=2)
    observations, _ = vec.reset(seed=0)
    assert [o.startswith("Guess my number") for o in observations] == [True, True]
    _, rewards, *_ = vec.step(("", CALL % -1))
    assert rewards.tolist() == [0.0, -0.125]
    vec.close()


def test_the_space_of_all_text() -> None:
    space = AnyText(seed=0)
    assert all(text in space for text in ("", "ä\n\x00\ud800", "x" * 10**6, space.sample()))
    assert 3 not in space
    assert space == AnyText()
    assert space.max_length >= 10**6
    assert {len(space.sample((3, None))), len(space.sample(None, (4, None)))} == {3, 4}
    assert max(len(space.sample()) for _ in range(100)) <= SAMPLE_CHARS


def test_texts_are_not_cut_to_a_shared_buffer() -> None:
    with pytest.raises(ValueError, match="shared_memory=False"):
        gymnasium.make_vec("test/guess-v1", 2, "async", vector_kwargs={"shared_memory": True})
