from __future__ import annotations

import importlib.util
import os

# Needs a compiler to install; without it its tests are left out, where not everything is required.
if os.environ.get("ENVGYM_REQUIRE_ALL") != "1" and not importlib.util.find_spec("reasoning_gym"):
    collect_ignore = ["test_gym_env.py"]
