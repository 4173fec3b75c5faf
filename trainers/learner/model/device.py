"""Choice of the device on which a model samples and learns."""

from __future__ import annotations

import torch

from envgym.errors import UsageError


def resolve_device(name: str) -> torch.device:
    """Return the device of a name, such as cpu, cuda or cuda:1; auto prefers a GPU to the CPU.

    Raises:
        UsageError: torch knows no such device, or it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(
            f"model.device: no device {name!r} here ({reason}); there {_present()}: name one of "
            "them, or auto"
        ) from error
    return device


def _present() -> str:
    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    found = ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]
    return f"{'is' if len(found) == 1 else 'are'} {', '.join(found)}"
