"""Plug-ins of one's own, named ``module:Class``: loaded, refused, kept by a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envgym.errors import UsageError
from envgym.trainers.config import Config
from envgym.trainers.recipe import load_config
from envgym.trainers.run import train
from tests.trainers.test_run import config, metrics, weights

METHODS = """
from envgym.trainers.advantages import Advantage, Grpo
from envgym.trainers.batching import Shuffled
from envgym.trainers.guidance import NoGuidance
from envgym.trainers.hooks import Hook
from envgym.trainers.losses import Clip
from envgym.trainers.rewards import EnvironmentReward
from envgym.trainers.samplers import Uniform

class Sure(Grpo):
    scale: float = 2.0
    called: int = 0

    def __call__(self, groups):
        super().__call__(groups)
        self.called += 1
        for sample in (s for group in groups for s in group):
            sample.advantages = [self.scale * a for a in sample.advantages]

    def state(self):
        return {"called": self.called}

    def load(self, state):
        self.called = state["called"]

class Half(Advantage): pass
class MyUniform(Uniform): pass
class MyGuidance(NoGuidance): pass
class MyReward(EnvironmentReward): pass
class MyClip(Clip): pass
class MyShuffled(Shuffled): pass
class MyHook(Hook): pass
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A module of methods, importable under a name that no other test has."""
    name = "methods_" + "".join(c if c.isalnum() else "_" for c in request.node.name)
    (tmp_path / f"{name}.py").write_text(METHODS)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def load(folder: Path, *overrides: str) -> Config:
    path = folder / "r.yaml"
    path.write_text("name: x\nenv: {id: search/wiki-v1, size: 100}\nmodel: {kind: tiny}\n")
    return load_config(path, list(overrides))


def test_every_kind_is_named_by_where_it_is(tmp_path: Path, module: str) -> None:
    found = load(
        tmp_path,
        f"sampler={module}:MyUniform",
        f"guidance={module}:MyGuidance",
        f"rewards=[{module}:MyReward]",
        f"advantage={{name: '{module}:Sure', scale: 3}}",
        f"losses=[{{name: '{module}:MyClip', high: 0.3}}]",
        f"composer={module}:MyShuffled",
        f"hooks=[{module}:MyHook]",
    )
    plugins = [
        *(found.sampler, found.guidance, *found.rewards, found.advantage, *found.losses),
        *(found.composer, *found.hooks),
    ]
    names = ["MyUniform", "MyGuidance", "MyReward", "Sure", "MyClip", "MyShuffled", "MyHook"]
    assert [type(plugin).__name__ for plugin in plugins] == names
    assert [plugin.name for plugin in plugins] == [f"{module}:{name}" for name in names]
    assert Config.model_validate(found.model_dump(mode="json")) == found


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module:Sure", "no module 'no_such_module'; install it, run in the folder"),
        ("{module}:Sur", "has no attribute 'Sur'; write module:Class"),
        ("{module}:MyClip", r"is no advantage: derive it from envgym\.trainers\.advantages\.Adv"),
        ("os.path:join", "is no advantage"),
        ("{module}:Half", "must define __call__"),
        ("{module}:Sure:x", "write module:Class"),
    ],
)
def test_what_cannot_be_loaded_says_why(
    tmp_path: Path, module: str, path: str, message: str
) -> None:
    with pytest.raises(UsageError, match=r"r\.yaml: advantage: .*" + message):
        load(tmp_path, f"advantage='{path.format(module=module)}'")


def test_its_settings_are_checked(tmp_path: Path, module: str) -> None:
    with pytest.raises(UsageError, match=r"advantage\.scale"):
        load(tmp_path, f"advantage={{name: '{module}:Sure', scale: much}}")


async def test_a_run_with_one_goes_on_where_it_was(tmp_path: Path, module: str) -> None:
    """By its ``config.yaml`` and its checkpoint: what the plug-in counted is there again."""
    own = f"advantage={{name: '{module}:Sure', scale: 0.5}}"
    await train(config(tmp_path, "whole", own))
    await train(config(tmp_path, "cut", own, "learner.steps=2"))
    recorded = load_config(tmp_path / "cut" / "config.yaml", ["learner.steps=3"])
    assert recorded.advantage.name == f"{module}:Sure"
    await train(recorded, resume=True)
    kept = json.loads((tmp_path / "cut/checkpoints/step-000003/state.json").read_text())
    assert kept["plugins"]["advantage"] == {"called": 3}
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all((one[name] == two[name]).all() for name in two)
