"""Guidance that has nothing to say: a run with it equals the run without, to the last number."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from envgym.agent import Agent
from envgym.agents.scripted import ScriptedAgent
from envgym.chat.renderer import Chat
from envgym.environments.search.wiki import WikiSearch
from envgym.trainers.agents import AgentPlugin
from envgym.trainers.config import RolloutSection
from envgym.trainers.run import train
from tests.trainers.test_run import config, metrics, weights

SHORT = (
    "rewards=[environment, length]",
    *("losses=[guide, {name: kl, coef: 0.01}, sft]", "learner.steps=2", "learner.max_idle_steps=9"),
    *("evaluation.tasks=0", "hooks=[]", "checkpoint_every=0"),
)


class Silent(AgentPlugin):
    """A judge that never says anything."""

    name: str = "silent"

    def build(self, model: PreTrainedModel, chat: Chat, rollout: RolloutSection) -> Agent:
        return ScriptedAgent(lambda context: "")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plain")


@pytest.mark.parametrize(
    "guidance",
    [
        "guide",
        "{name: ghpo, cold_start: 0}",
        "agent_rlvr",
        "regft",
        "{name: teacher, judge: silent}",
        "{name: intervention, judge: silent}",
        "{name: knowledge, file: FILE}",
    ],
)
async def test_a_run_is_the_unguided_one(
    tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch, guidance: str
) -> None:
    monkeypatch.setattr(WikiSearch, "hints", lambda self, attempt=None: ("", "  "))
    if not (plain / "a" / "summary.json").exists():
        await train(config(plain, "a", *SHORT))
    (tmp_path / "points.json").write_text("{}")
    guided = guidance.replace("FILE", str(tmp_path / "points.json"))
    judge = f"judges={{silent: '{__name__}:Silent'}}"
    await train(config(tmp_path, "b", f"guidance={guided}", judge, *SHORT))
    rows = [
        {key: value for key, value in row.items() if not key.startswith("guidance/")}
        for row in metrics(tmp_path / "b")
    ]
    asked = [key for row in metrics(tmp_path / "b") for key in row if key.startswith("guidance/")]
    assert bool(asked) is ("judge" in guidance)
    assert rows == metrics(plain / "a")
    before, after = weights(plain / "a"), weights(tmp_path / "b")
    assert all(torch.equal(before[name], after[name]) for name in before)
