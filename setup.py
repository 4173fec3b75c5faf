"""Build envgym as ``pyproject.toml`` says, from a checkout that has its symbolic links.

Without them a package would be built that lacks most of what belongs into it.
"""

from __future__ import annotations

import os
import sys

from setuptools import setup

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import envgym  # noqa: F401
except ImportError as error:
    sys.exit(f"error: {error}")

setup()
