"""The control plane: pauses, weights from disk under new labels, caches, sleep."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from envgym.agents.serve_model import ServedModel
from envgym.agents.vllm.learner_model import LearnerModel
from tests.agents.serve_model.conftest import Ask
from tests.agents.serve_model.test_generation import GENERATE, IDS, logprobs
from tests.waiting import until

LONG = {"token_ids": IDS, "sampling_params": {"max_tokens": 300, "seed": 4, "logprobs": 0}}


@pytest.fixture
def moved(model: PreTrainedModel) -> PreTrainedModel:
    other = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return other


@pytest.fixture
def folder(moved: PreTrainedModel, tmp_path: Path) -> Path:
    LearnerModel(moved).save(tmp_path / "w")
    return tmp_path / "w"


async def started(ask: Ask, served: ServedModel) -> asyncio.Task[tuple[int, Any]]:
    before = served.engine.stats.decode_steps
    task = asyncio.create_task(ask(GENERATE, {**LONG, "request_id": "long"}))
    await until(lambda: served.engine.stats.decode_steps >= before + 5)
    return task


async def test_weights_change_in_the_middle_of_a_turn(
    ask: Ask, served: ServedModel, model: PreTrainedModel, moved: PreTrainedModel, folder: Path
) -> None:
    """Each token is sampled by the weights that its label names, with no stale key or value."""
    old = copy.deepcopy(model)
    task = await started(ask, served)
    assert (await ask("/pause?mode=keep&clear_cache=true"))[1] == {"status": "paused"}
    assert (await ask("/is_paused", method="GET"))[1] == {"is_paused": True}
    steps = served.engine.stats.decode_steps
    await asyncio.sleep(0.1)
    assert served.engine.stats.decode_steps == steps, "nothing is sampled while it is paused"
    rpc = {"method": "reload_weights", "kwargs": {"weights_path": str(folder)}}
    assert (await ask("/collective_rpc", rpc))[0] == 200
    await ask("/update_weight_version", {"new_version": "run:1"})
    assert (await ask("/weight_info", method="GET"))[1] == {"weight_version": "run:1"}
    assert (await ask("/resume"))[1] == {"status": "resumed"}
    (choice,) = (await task)[1]["choices"]
    first, second = choice["weight_versions"]
    assert (first["version"], second["version"], second["end"]) == ("default", "run:1", 300)
    ids = choice["token_ids"]
    given = [entry["logprob"] for entry in choice["logprobs"]["content"]]
    cut = second["start"]
    assert given[:cut] == pytest.approx(logprobs(old, IDS, ids)[:cut], abs=1e-4)
    assert given[cut:] == pytest.approx(logprobs(moved, IDS, ids)[cut:], abs=1e-4)


async def test_the_other_way_to_update(ask: Ask, folder: Path, moved: PreTrainedModel) -> None:
    await ask("/update_weights", {"update_info": {"weights_path": str(folder)}})
    await ask("/finish_weight_update", {"weight_version": "7"})
    assert (await ask("/weight_info", method="GET"))[1] == {"weight_version": "7"}
    (choice,) = (await ask(GENERATE, LONG))[1]["choices"]
    given = [entry["logprob"] for entry in choice["logprobs"]["content"]]
    assert given == pytest.approx(logprobs(moved, IDS, choice["token_ids"]), abs=1e-4)


async def test_pauses(ask: Ask, served: ServedModel) -> None:
    task = await started(ask, served)
    await ask("/pause?mode=abort")
    assert (await task)[1]["choices"][0]["finish_reason"] == "abort"
    waiting = asyncio.create_task(ask(GENERATE, LONG))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await ask("/resume")
    assert (await waiting)[1]["choices"][0]["finish_reason"] == "length"
    task = await started(ask, served)
    await ask("/pause?mode=wait")
    assert task.done() or served.running == 0, "it waits for requests to finish"
    assert (await task)[1]["choices"][0]["finish_reason"] == "length"
    await ask("/resume")
    status, answer = await ask("/pause?mode=now")
    assert (status, answer["error"]["message"]) == (
        400,
        "mode must be abort, wait or keep, not 'now'",
    )


async def test_an_abort_by_name(ask: Ask, served: ServedModel) -> None:
    task = await started(ask, served)
    names = ["other", "generate-tokens-long"]
    assert (await ask("/inference/v1/abort_requests", {"request_ids": names}))[1]["aborted"] == 1
    assert (await task)[1]["choices"][0]["finish_reason"] == "abort"


async def test_a_cache_that_is_in_use(ask: Ask, served: ServedModel) -> None:
    task = await started(ask, served)
    await ask("/pause?mode=keep&clear_cache=false")
    assert (await ask("/reset_prefix_cache"))[1] == {"success": False}
    assert (await ask("/reset_prefix_cache?reset_running_requests=true"))[1] == {"success": True}
    await ask("/resume")
    assert len((await task)[1]["choices"][0]["token_ids"]) == 300


async def test_sleep(ask: Ask, served: ServedModel) -> None:
    await ask(GENERATE, LONG)
    assert (await ask("/sleep?level=1"))[1] == {"status": "sleeping", "level": 1}
    assert (await ask("/is_sleeping", method="GET"))[1] == {"is_sleeping": True}
    assert (await ask("/wake_up?tags=weights"))[1]["status"] == "sleeping"
    assert served.paused
    assert (await ask("/wake_up?tags=kv_cache"))[1]["status"] == "awake"
    assert (await ask(GENERATE, LONG))[0] == 200
    assert (await ask("/sleep?level=3"))[0] == 400


async def test_checksums(ask: Ask, folder: Path) -> None:
    before = (await ask("/weight_checker", {"action": "checksum"}))[1]["checksums"]
    compare = {"action": "compare", "baseline": before}
    assert (await ask("/weight_checker", compare))[1] == {"match": True, "mismatches": []}
    await ask("/update_weights", {"update_info": {"weights_path": str(folder)}})
    answer = (await ask("/weight_checker", compare))[1]
    assert not answer["match"]
    assert "model.embed_tokens.weight" in answer["mismatches"]
    assert (await ask("/weight_checker", {"action": "compare"}))[0] == 400


def _without(name: str) -> Any:
    return lambda weights: weights.pop(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("model.norm.weight"), "holds no weight model.norm.weight"),
        (lambda w: w.update({"extra": torch.ones(2)}), "holds an unknown weight extra"),
        (
            lambda w: w.update({"model.norm.weight": torch.ones(31)}),
            "model.norm.weight has shape [31], the model's has [32]",
        ),
        (
            lambda w: w.update({"model.norm.weight": torch.full((32,), torch.nan)}),
            "model.norm.weight holds a number that is not finite",
        ),
    ],
)
async def test_weights_that_do_not_fit_change_nothing(
    ask: Ask, folder: Path, change: Any, message: str
) -> None:
    before = (await ask("/weight_checker", {"action": "checksum"}))[1]
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")
    status, answer = await ask("/update_weights", {"update_info": {"weights_path": str(folder)}})
    assert status == 400
    assert message in answer["error"]["message"]
    assert (await ask("/weight_checker", {"action": "checksum"}))[1] == before


async def test_a_tied_weight_needs_one_of_its_names(ask: Ask, folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors")
    where = {"update_info": {"weights_path": str(folder)}}
    assert (await ask("/update_weights", where))[0] == 200


async def test_no_weights(ask: Ask, tmp_path: Path) -> None:
    where = {"update_info": {"weights_path": str(tmp_path / "none")}}
    status, answer = await ask("/update_weights", where)
    assert (status, "holds no safetensors file" in answer["error"]["message"]) == (400, True)
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.safetensors").write_text("no")
    status, answer = await ask("/update_weights", where)
    assert (status, "cannot read" in answer["error"]["message"]) == (400, True)
    rpc = {"method": "execute", "kwargs": {"weights_path": "x"}}
    assert (
        "method: Input should be 'reload_weights'"
        in ((await ask("/collective_rpc", rpc))[1]["error"]["message"])
    )
