"""docs/metrics.md explains every key of ``metrics.jsonl``, and no key that nothing writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

import envgym.trainers.config  # noqa: F401  registers every plug-in
from envgym.trainers.losses import Loss, LossInputs
from envgym.trainers.plugin import PLUGINS
from envgym.trainers.run import train
from tests.trainers.test_run import config

ROOT = Path(__file__).parents[2]
ROWS = re.findall(
    r"^\| `([a-z_]+(?:/\w+)?)` \| (.+?) \|.*\|$", (ROOT / "docs" / "metrics.md").read_text(), re.M
)
EXPLAINED = {key for key, _ in ROWS}
# The small world's own reward is 0 for an untrained model: this one differs between episodes.
_DIFFERS = "rewards=[environment, {name: overlong, limit: 24, buffer: 20}]"
RUNS = {
    "grpo": (),
    "recap": ("advantage=recap", "rewards=[score, {name: length}]"),
    "critic": ("advantage={name: gae}", "losses=[clip]", "critic={kind: model}", _DIFFERS),
}
_FAMILIES = (
    "compose|derive|dynamic|sampler|guidance|critic|engine|vllm|rollout|time|faults|group|episode"
    "|next"
)
_WRITTEN = re.compile(rf'"((?:{_FAMILIES})/\w+)"')


def pattern(key: str) -> str:
    """The row that explains a key: those of environments and stop reasons share one."""
    first, _, name = key.partition("/")
    if first == "role":
        return "role/ROLE_score" if name.endswith("_score") else "role/ROLE"
    rows = {
        "env": "env/NAME",
        "schedule": "schedule/NAME",
        "stop": "stop/REASON",
        "recap": "recap/NAME",
    }
    return rows.get(first, key) if name else key


def of_losses() -> set[str]:
    """Keys that the registered losses write, from one call each."""
    inputs = LossInputs(
        logp=torch.full((4,), -1.0, requires_grad=True),
        old_logp=torch.full((4,), -1.0),
        prox_logp=torch.full((4,), -1.0),
        ref_logp=torch.full((4,), -1.0),
        advantage=torch.ones(4),
        sample=torch.zeros(4, dtype=torch.long),
        pair=torch.zeros(4, dtype=torch.long),
        side=torch.tensor([1.0, 1.0, -1.0, -1.0]),
        states=torch.ones(4, 1),
        head=lambda states: states * torch.arange(5.0),
        data=dict.fromkeys(("ref_top", "policy_top"), torch.ones(4, 4)),
    )
    found: set[str] = set()
    for cls in PLUGINS["loss"].values():
        loss = cls(**({"dual": 3.0} if "dual" in cls.model_fields else {}))
        assert isinstance(loss, Loss)
        found |= {f"learn/{name}" for name in loss(inputs)[1]}
    return found


def of_sources() -> set[str]:
    """Keys that stand in the trainer's source."""
    return {
        key
        for room in ("trainers", "agents")
        for path in (ROOT / room).rglob("*.py")
        for key in _WRITTEN.findall(path.read_text())
    }


@pytest.mark.parametrize("name", RUNS)
async def test_a_run_writes_nothing_unexplained(tmp_path: Path, name: str) -> None:
    extra = ("learner.steps=2", "evaluation.tasks=0", "hooks=[]", *RUNS[name])
    await train(config(tmp_path, name, *extra))
    lines = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
    written = {key for line in lines for key in json.loads(line)}
    assert len(written) > 25
    missing = {pattern(key) for key in written} - EXPLAINED
    assert not missing, f"docs/metrics.md: a row for each of {sorted(missing)}"


def test_losses_and_plugins_write_nothing_unexplained() -> None:
    missing = (of_losses() | of_sources()) - EXPLAINED
    assert not missing, f"docs/metrics.md: a row for each of {sorted(missing)}"


def test_nothing_else_is_explained() -> None:
    always = {"step", "score", "score_stderr", "reward", "reward_stderr"}
    patterns = {
        "env/NAME",
        "schedule/NAME",
        "stop/REASON",
        "recap/NAME",
        "role/ROLE",
        "role/ROLE_score",
    }
    learner = {
        "loss",
        "grad_norm",
        "entropy",
        "value_loss",
        "value_clipfrac",
        "value_grad_norm",
        "sampler_gap",
        "sampler_kl",
        "sampler_ratio_max",
        "sampler_outside",
    }
    known = always | patterns | {f"learn/{name}" for name in learner} | of_losses() | of_sources()
    assert len(ROWS) == len(EXPLAINED)
    assert known == EXPLAINED
