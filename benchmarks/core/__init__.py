"""Steps a second of a trivial environment, alone and a thousand at once, beside other gyms.

The game and its rules (`rules.py`) are the same on every side; each wraps them as its library has
an environment written. What differs is what the library adds to a step.
"""

from __future__ import annotations

from benchmarks.harness import OURS, Bench, Side

BENCH = Bench(
    "core",
    sides=(
        Side(OURS, "core/ours.py"),
        Side("gem", "core/peer_gem.py", ("async",)),
        Side("gem_sync", "core/peer_gem.py", ("sync",)),
        Side("textarena", "core/peer_textarena.py"),
        Side("gymnasium", "core/peer_gymnasium.py"),
    ),
    requirements=("gem-llm==0.1.0 textarena==0.7.4 gymnasium==1.4.0",),
)
