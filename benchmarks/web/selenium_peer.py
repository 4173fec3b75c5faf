"""The side of the package `miniwob`: its own environments, through Selenium."""

from __future__ import annotations

import importlib
import json
import shutil
import time

from benchmarks.web.plan import EPISODES, TASKS


def main() -> None:
    """Measure."""
    if shutil.which("chromedriver") is None:
        print(json.dumps({"absent": "it needs chromedriver: apt-get install chromium-driver"}))
        return
    gym = importlib.import_module("gymnasium")
    actions = importlib.import_module("miniwob.action").ActionTypes
    importlib.import_module("miniwob")
    passed = 0.0
    for name, tag, text in TASKS:
        env = gym.make(f"miniwob/{name}-v1")
        env.reset(seed=EPISODES)
        begun = time.perf_counter()
        for seed in range(EPISODES):
            observation, _ = env.reset(seed=seed)
            ref = next(
                e["ref"]
                for e in observation["dom_elements"]
                if e["tag"] == tag and e["text"] == text
            )
            action = env.unwrapped.create_action(actions.CLICK_ELEMENT, ref=ref)
            _, reward, *_ = env.step(action)
            assert reward > 0, (name, seed, reward)
        passed += time.perf_counter() - begun
        env.close()
    print(json.dumps({"episodes_per_s": len(TASKS) * EPISODES / passed}))


main()
