"""One whole update on multi-turn rows, beside TRL's GRPO trainer: no rollout, the learner alone.

The same random Qwen2, the same sixteen episodes of 200 to 2,000 tokens in two groups, the same
advantages and the same loss on every side (`shapes.py`); eight rows, or as many tokens, a micro-
batch. ``speed_s`` is the time of one update; memory is what the update itself adds: the most that
is resident during it, less what was before it, with the model and every library loaded.
"""

from __future__ import annotations

from benchmarks.harness import OURS, Bench, Side

BENCH = Bench(
    "train",
    sides=(
        Side(OURS, "train/ours.py", ("packed",)),
        Side("padded", "train/ours.py", ("padded",), note="ours without packing", own=True),
        Side("trl", "train/peer_trl.py"),
    ),
    requirements=("torch==2.13.0", "trl==1.16.0 transformers==5.23.0 jmespath==1.0.1"),
    rounds=3,
)
