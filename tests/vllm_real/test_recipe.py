"""The demo's recipe learns through a real server as it does in process."""

from __future__ import annotations

from pathlib import Path

import pytest

from envgym.trainers.recipe import load_config
from envgym.trainers.run import train
from tests.vllm_real.server import VllmProcess

pytestmark = pytest.mark.timeout(1500)


async def test_the_demo_learns(vllm: VllmProcess, tmp_path: Path) -> None:
    agent = f"{{name: vllm, urls: [{vllm.url}], weights_dir: {tmp_path / 'weights'}}}"
    config = load_config(
        "demo",
        [
            f"agent={agent}",
            f"output={tmp_path / 'run'}",
            "rollout.deterministic=false",
            "torch_threads=1",
            "learner.steps=36",
            "evaluation={tasks: 256, interval: 0}",
            "hooks=[]",
        ],
    )
    summary = await train(config)
    assert summary["eval"]["untrained"]["score"] <= 0.05
    assert summary["eval"]["trained"]["score"] >= 0.85
    assert not summary["eval"]["trained"]["faults"]
