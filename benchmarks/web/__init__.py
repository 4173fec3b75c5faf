"""Episodes of MiniWoB++ in Chromium: envgym, BrowserGym, and the package's own Selenium driver.

Every side plays the same tasks with the same clicks, one session, one episode after another. Ours
alone has further figures: more sessions in one process, memory a session, sites without a browser.
"""

from __future__ import annotations

from benchmarks.harness import OURS, Bench, Side

BENCH = Bench(
    "web",
    sides=(
        Side(OURS, "web/ours.py", note="resets in place, DevTools protocol over a pipe"),
        Side("browsergym", "web/browsergym_peer.py", note="a new browser at each reset"),
        Side("miniwob", "web/selenium_peer.py", note="Selenium; needs chromium-driver"),
    ),
    requirements=("browsergym-miniwob==0.14.3", "miniwob==1.1.0"),
    rounds=3,
)
