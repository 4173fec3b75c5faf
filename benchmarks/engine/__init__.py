"""Multi-turn training with a tool, beside TRL's GRPO trainer and plain `model.generate`.

The same random Qwen2 of a million parameters, the same byte tokenizer and chat template, the same
batch of eight episodes of five turns with 64 sampled tokens each (`shapes.py`). The end of each
turn is overwritten with a scripted call on every side, so that episodes have the same turns.

Beside it, 32 episodes whose tools take up to 0.9 s (`slow_tools.py`): the engine's default against
never waiting for an absent episode.
"""

from __future__ import annotations

from benchmarks.harness import OURS, Bench, Side

BENCH = Bench(
    "engine",
    sides=(
        Side(OURS, "engine/ours.py"),
        Side("trl", "engine/peer_trl.py"),
        Side("generate", "engine/peer_generate.py"),
        Side("never waiting", "engine/slow_tools.py", ("0",), note="ours, patience_s=0", own=True),
    ),
    requirements=("torch==2.13.0", "trl==1.16.0 transformers==5.23.0 jmespath==1.0.1"),
    rounds=3,
)
