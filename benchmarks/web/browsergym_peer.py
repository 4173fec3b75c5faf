"""BrowserGym's side, with its pages from the package `miniwob` and Debian's Chromium."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import time
from importlib.util import find_spec
from pathlib import Path

from benchmarks.web.plan import EPISODES, TASKS


def _play(gym: object, name: str, text: str, episodes: int, path: str) -> None:
    env = gym.make(  # type: ignore[attr-defined]
        f"browsergym/miniwob.{name}",
        headless=True,
        pw_chromium_kwargs={"executable_path": path, "args": ["--no-sandbox"]},
    )
    flatten = importlib.import_module("browsergym.utils.obs").flatten_axtree_to_str
    for seed in range(episodes):
        observation, _ = env.reset(seed=seed)
        tree = flatten(observation["axtree_object"])
        found = re.search(rf"\[(\w+)\] button '{re.escape(text)}'", tree)
        assert found is not None, tree
        _, reward, *_ = env.step(f"click('{found[1]}')")
        assert reward == 1, (name, seed, reward)
    env.close()


def main() -> None:
    """Measure."""
    path, pages = shutil.which("chromium"), find_spec("miniwob")
    if path is None or pages is None or not pages.submodule_search_locations:
        print(json.dumps({"absent": "it needs Chromium and the package miniwob"}))
        return
    html = Path(pages.submodule_search_locations[0], "html", "miniwob")
    os.environ["MINIWOB_URL"] = html.as_uri() + "/"
    gym = importlib.import_module("gymnasium")
    importlib.import_module("browsergym.miniwob")
    begun = time.perf_counter()
    for name, _, text in TASKS:
        _play(gym, name, text, EPISODES, path)
    print(json.dumps({"episodes_per_s": len(TASKS) * EPISODES / (time.perf_counter() - begun)}))


main()
