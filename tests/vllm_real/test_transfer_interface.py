"""vLLM's weight transfer has the interface that the native transport and its fakes assume."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(200)

LOOK = """
import inspect
from vllm.distributed.weight_transfer.base import ModuleSource, TrainerWeightTransferEngine
from vllm.distributed.weight_transfer.clients import HTTPVLLMWeightSyncClient as Client
from vllm.distributed.weight_transfer.factory import WeightTransferTrainerFactory as Factory
from vllm.distributed.weight_transfer.ipc_engine import IPCTrainerInitInfo
from vllm.distributed.weight_transfer.nccl_engine import NCCLTrainerInitInfo

assert {"nccl", "ipc"} <= Factory._registry.keys()
nccl = NCCLTrainerInitInfo(rank=0, master_address="h", master_port=1, world_size=2)
assert (nccl.backend, IPCTrainerInitInfo(rank=0).backend) == ("nccl", "ipc")
inspect.signature(Factory.trainer_init).bind(nccl, client=None, source=None)
inspect.signature(ModuleSource).bind("module")
for name in ("send_weights", "shutdown"):
    inspect.signature(getattr(TrainerWeightTransferEngine, name)).bind("self")
client = Client("http://h")
inspect.signature(client.init_weight_transfer_engine).bind({})
inspect.signature(client.start_weight_update).bind()
inspect.signature(client.update_weights).bind({})
inspect.signature(client.finish_weight_update).bind()
print("as assumed")
"""


def test_the_interface(vllm_python: Path, tmp_path: Path) -> None:
    found = subprocess.run(
        [str(vllm_python), "-c", LOOK], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr[-2000:]
    assert "as assumed" in found.stdout
