"""The check of a device runs on a CPU with a small shape, and agrees with itself."""

from __future__ import annotations

import json

import pytest

from scripts import device_check

SMALL = ["--device", "cpu", "--layers", "1", "--tokens", "64", "--vocabulary", "512"]


def test_a_cpu_agrees_with_the_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert device_check.main(SMALL) == 0
    told = {}
    for line in capsys.readouterr().out.splitlines():
        found = json.loads(line)
        told[found["check"], found.get("dtype")] = found
    assert told["numbers", "torch.float32"]["logprob_gap"] < 1e-5
    assert 0 < told["numbers", "torch.bfloat16"]["gradient_gap"] < 0.05
    assert told["sampling", None]["tokens_per_s"] > 0
    assert told["learning", None]["memory_gib"] > 0


def test_numbers_that_differ_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        device_check, "_numbers", lambda *a: {"logprob_gap": 1.0, "gradient_gap": 0.0}
    )
    assert device_check.main(SMALL) == 1
