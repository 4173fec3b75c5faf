"""What a folder of episodes was played in can be made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from envgym.env import EnvSpec
from envgym.errors import UsageError
from envgym.store.manifest import accepts, read_env, write_env, write_shard_env

SPEC = EnvSpec("search/wiki-v1", {"hops": [2], "size": 60}, 8, "envgym.environments:X")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_env(tmp_path / "new", SPEC)
    write_env(tmp_path / "new", SPEC)  # more episodes of the same
    assert read_env(tmp_path / "new") == ("search/wiki-v1", {"hops": [2], "size": 60})


def test_an_unregistered_class_is_named_by_its_path(tmp_path: Path) -> None:
    write_env(tmp_path, EnvSpec("guess-v0", {}, None, "guess:Guess"))
    assert read_env(tmp_path) == ("guess:Guess", {})
    with pytest.raises(UsageError, match="register it"):
        write_env(tmp_path, EnvSpec("guess-v0"))


def test_other_arguments_are_refused(tmp_path: Path) -> None:
    write_env(tmp_path, SPEC)
    other = EnvSpec("search/wiki-v1", {"hops": [1]})
    assert accepts(tmp_path, SPEC)
    assert not accepts(tmp_path, other)
    with pytest.raises(UsageError, match="give another folder"):
        write_env(tmp_path, other)


def test_arguments_that_are_no_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="JSON values"):
        write_env(tmp_path, EnvSpec("search/wiki-v1", {"judge": object()}))
    assert not list(tmp_path.iterdir())


def test_a_runs_config_serves_the_folders_in_it(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("name: x\nenv: {id: search/wiki-v1, hops: [1]}\n")
    inner = tmp_path / "episodes" / "train"
    inner.mkdir(parents=True)
    assert read_env(inner) == ("search/wiki-v1", {"hops": [1]})
    (inner / "deeper").mkdir()
    with pytest.raises(UsageError, match=r"needs env\.json"):
        read_env(inner / "deeper")


@pytest.mark.parametrize("text", ["{", "[1]", "\x00"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "env.json").write_text(text)
    with pytest.raises(UsageError, match=r"env\.json is damaged"):
        read_env(tmp_path)


def test_each_shard_may_have_its_arguments(tmp_path: Path) -> None:
    write_shard_env(tmp_path, "search/wiki-v1", {"hops": [1]}, 1)
    write_shard_env(tmp_path, "search/wiki-v1", {"hops": [2]}, 10)
    write_shard_env(tmp_path, "search/wiki-v1", {"hops": [3]}, 10)  # written once more
    assert read_env(tmp_path, 1) == ("search/wiki-v1", {"hops": [1]})
    assert read_env(tmp_path, 10) == ("search/wiki-v1", {"hops": [3]})
    write_env(tmp_path / "same", SPEC)
    assert read_env(tmp_path / "same", 7) == ("search/wiki-v1", {"hops": [2], "size": 60})
