"""BrowserGym's side, with its pages from the package `miniwob` and Debian's Chromium."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from benchmarks.web.plan import EPISODES, TASKS


def _play(gym: object, name: str, text: str, episodes: int, path: str) -> float:
    """Seconds of the episodes, after a first reset."""
    env = gym.make(  # type: ignore[attr-defined]
        f"browsergym/miniwob.{name}",
        headless=True,
        pw_chromium_kwargs={"executable_path": path},
    )
    flatten = importlib.import_module("browsergym.utils.obs").flatten_axtree_to_str
    env.reset(seed=episodes)
    begun = time.perf_counter()
    for seed in range(episodes):
        observation, _ = env.reset(seed=seed)
        tree = flatten(observation["axtree_object"])
        found = re.search(rf"\[(\w+)\] button '{re.escape(text)}'", tree)
        assert found is not None, tree
        env.step(f"click('{found[1]}')")
    passed = time.perf_counter() - begun
    env.close()
    return passed


def main() -> None:
    """Measure."""
    path, pages = shutil.which("chromium"), find_spec("miniwob")
    if path is None or pages is None or not pages.submodule_search_locations:
        print(json.dumps({"absent": "it needs Chromium and the package miniwob"}))
        return
    # Its chat window opens a browser of Playwright's own, from a folder that names a build.
    folder = Path(tempfile.mkdtemp())
    own = folder / "chromium-1117" / "chrome-linux" / "chrome"
    own.parent.mkdir(parents=True)
    own.symlink_to(path)
    os.environ["PLAYWRIGHT_BROWSERS_PATH"] = str(folder)
    html = Path(pages.submodule_search_locations[0], "html", "miniwob")
    os.environ["MINIWOB_URL"] = html.as_uri() + "/"
    gym = importlib.import_module("gymnasium")
    importlib.import_module("browsergym.miniwob")
    passed = sum(_play(gym, name, text, EPISODES, path) for name, _, text in TASKS)
    print(json.dumps({"episodes_per_s": len(TASKS) * EPISODES / passed}))


main()
