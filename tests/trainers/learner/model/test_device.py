"""Devices by name: the default, a wrong name, one that is not there."""

from __future__ import annotations

import pytest
import torch

from envgym.errors import UsageError
from envgym.trainers.learner.model.device import resolve_device


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, wanted in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert resolve_device("auto") == torch.device(wanted)
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "", "xpu"])
def test_a_device_that_is_not_there_is_named_with_those_that_are(name: str) -> None:
    with pytest.raises(UsageError, match=rf"model\.device: no device '{name}' here.*cpu"):
        resolve_device(name)
