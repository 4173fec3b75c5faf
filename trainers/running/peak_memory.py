"""Memory in use: what a device has free, and the most that a run took."""

from __future__ import annotations

import re
from pathlib import Path

import torch

_MEMORY = Path("/proc/meminfo")
_STATUS = Path("/proc/self/status")


def available_bytes(device: torch.device) -> int:
    """Bytes that a run could still take on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return _field(_MEMORY, "MemAvailable") or 1 << 62


class PeakMemory:
    """Memory that a run takes at most: of a GPU, or of this process beyond what it had before.

    Args:
        device: Device of the model that is about to be built.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self._before = int(torch.cuda.memory_allocated(device))
        else:
            self._before = _field(_STATUS, "VmRSS")

    def used(self) -> int:
        """Largest number of bytes so far."""
        if self._device.type == "cuda":
            peak = int(torch.cuda.max_memory_allocated(self._device))
        else:
            peak = _field(_STATUS, "VmHWM")
        return peak - self._before


def _field(path: Path, name: str) -> int:
    """Bytes of a field that the kernel lists in kB; 0 where it lists none."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return 1024 * int(found[1]) if found else 0
