"""Random tests draw the same examples every time, and no slow machine fails them."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("envgym", derandomize=True, deadline=None)
settings.load_profile("envgym")
