"""Steps a second of 200 WebSocket sessions on one server process, beside OpenEnv.

The environment echoes what it is told, on both sides; the server is a process of its own, all
sessions step from another. What differs is the server, its client and what a step carries.
"""

from __future__ import annotations

from benchmarks.harness import OURS, Bench, Side

BENCH = Bench(
    "service",
    sides=(
        Side(OURS, "service/ours.py"),
        Side("openenv", "service/peer_openenv.py"),
    ),
    requirements=("openenv==0.10.0",),
)
