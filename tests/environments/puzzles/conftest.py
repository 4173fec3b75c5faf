from __future__ import annotations

import importlib.util

from tests.machine import REQUIRED

# Needs a compiler to install; without it its tests are left out, where not everything is required.
if not REQUIRED and not importlib.util.find_spec("reasoning_gym"):
    collect_ignore = ["test_gym_env.py"]
