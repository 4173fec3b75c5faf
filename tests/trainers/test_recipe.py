from __future__ import annotations

from pathlib import Path

import pytest

from envgym.errors import UsageError
from envgym.trainers.config import Learner
from envgym.trainers.recipe import load_config, recipes

GOOD = "name: x\nenv: {id: search/wiki-v1, size: 100}\nmodel: {kind: tiny}\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "r.yaml"
    path.write_text(text)
    return path


def test_every_shipped_recipe_loads() -> None:
    assert "demo" in recipes()
    for name in recipes():
        assert load_config(name).name


def test_overrides_reach_env_arguments_lists_and_plugins(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "losses: [{name: clip}]\n")
    config = load_config(
        path, ["env.top_k=2", "losses.0.high=0.28", "advantage={name: grpo, std: batch}"]
    )
    assert config.env.kwargs == {"size": 100, "top_k": 2}
    assert config.losses[0].high == 0.28  # type: ignore[attr-defined]
    assert config.advantage.std == "batch"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("learner.lr=fast", r"learner\.lr"),
        ("learner.lrr=1", r"learner\.lrr"),
        ("losses=[{name: clop}]", "no loss 'clop'.*Did you mean 'clip'"),
        ("losses=[{name: clip, low: -1}]", r"losses\.0.*low"),
        ("sampler=7", "sampler"),
        ("rollout", "field=value"),
        ("losses.9.low=1", "no index"),
        ("name.first=1", "has no field"),
    ],
)
def test_mistakes_name_the_field(tmp_path: Path, override: str, message: str) -> None:
    path = write(tmp_path, GOOD + "losses: [{name: clip}]\n")
    with pytest.raises(UsageError, match=message):
        load_config(path, [override])


def test_broken_files_say_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no recipe 'dmo'.*demo"):
        load_config("dmo")
    with pytest.raises(UsageError, match="broken YAML"):
        load_config(write(tmp_path, "a: [1"))
    with pytest.raises(UsageError, match="cannot read"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="mapping"):
        load_config(write(tmp_path, "- 1"))


def test_the_learning_rate_rises_then_falls() -> None:
    constant = Learner(steps=10, warmup=3)
    assert [constant.lr_scale(0, i) for i in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    linear = Learner(steps=4, lr_decay="linear")
    assert [linear.lr_scale(i, 0) for i in range(4)] == [1.0, 0.75, 0.5, 0.25]
