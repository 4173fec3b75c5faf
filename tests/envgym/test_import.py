"""Importing envgym is cheap, and loads nothing that only learning needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import envgym

HEAVY = ("torch", "transformers", "gymnasium", "aiohttp", "pydantic")
PROGRAM = f"""
import sys, time
began = time.perf_counter()
import envgym
print(time.perf_counter() - began, [m for m in {HEAVY!r} if m in sys.modules])
"""
MAKE = """
import sys, envgym
envgym.make("search/wiki-v1", size=60)
print([m for m in ("torch", "transformers") if m in sys.modules])
"""


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_import_is_light() -> None:
    results = [run(PROGRAM).split(" ", 1) for _ in range(3)]
    assert all(loaded == "[]" for _, loaded in results)
    assert min(float(seconds) for seconds, _ in results) < 0.3


def test_making_an_environment_needs_no_torch() -> None:
    assert run(MAKE) == "[]"


@pytest.mark.parametrize("name", envgym.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(envgym, name) is not None
    assert any(name in names for names in envgym._HOMES.values())


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = envgym.nonsense
