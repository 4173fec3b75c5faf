from __future__ import annotations

import json
from pathlib import Path

from envgym.store.episodes import read_episodes
from tests.examples.conftest import Run
from tests.examples.test_custom_advantage import SHORT


def test_failures_are_played_again_with_a_hint_that_the_loss_does_not_see(
    run: Run, tmp_path: Path
) -> None:
    guidance = "guidance=custom_guidance:Retry"
    output = f"output={tmp_path / 'run'}"
    run(
        "envgym",
        "train",
        "custom_advantage.yaml",
        output,
        guidance,
        "losses=[guide]",
        *SHORT,
        "evaluation.tasks=0",
    )
    episodes = list(read_episodes(tmp_path / "run/episodes/train"))
    guided = [e for e in episodes if e.role == "guided"]
    assert guided
    assert {e.guided_by for e in guided} == {"hint 1"}
    for episode in guided:
        kinds = [span.kind for span in episode.turns[0].context]
        assert "hint" in kinds
        assert episode.id.removesuffix("+1") in {e.id for e in episodes if e.score < 1}
    first = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[0])
    assert first["role/guided"] > 0
    told = json.loads(run("envgym", "replay", str(tmp_path / "run"), "--json"))
    assert told["differences"] == []
    assert told["episodes"] == len(episodes)
