"""Configuration of a sandbox's container: the least rights that an engine can give.

No network, no capability, nothing of the root writable, an ordinary user that no other sandbox has,
the engine's own seccomp profile, and over it the filter that programs have in sandboxes of
namespaces. Its only writable places are in memory, so a sandbox's files count as its memory too and
vanish with it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from envgym.sandboxes.backends.namespace.kernel.mounts import INODE_BYTES
from envgym.sandboxes.backends.namespace.kernel.seccomp import program
from envgym.sandboxes.base import WORKDIR
from envgym.sandboxes.limits import MIB, Limits

# The archive comes by standard input, since nothing can be copied onto a read-only root; it is kept
# in a file without a name. PID 1 is this very process: no signal from inside its sandbox ends it.
START = """
import os, sys
size, data = int(sys.argv[1]), b""
while len(data) < size:
    piece = os.read(0, size - len(data))
    if not piece:
        sys.exit("the archive did not come")
    data += piece
with os.fdopen(os.memfd_create("box"), "r+b") as file:
    file.write(data)
    file.flush()
    sys.path.insert(0, "/proc/self/fd/%d" % file.fileno())
    from envgym.sandboxes.supervisor.container_main import main
del sys.path[0]
main(sys.argv[2])
"""
_SUPERVISOR_BYTES = 32 * MIB
_SUPERVISOR_TASKS = 1
_SUPERVISOR_FILES = 1024
_SHARED_BYTES = 16 * MIB  # /dev/shm: semaphores and the like
_HARMLESS = 500  # of the machine's processes the kernel kills these first where memory ends


def container(
    image: str, limits: Limits, user: int, labels: Mapping[str, str], archive_bytes: int
) -> dict[str, Any]:
    """Build the body of ``POST /containers/create``.

    Args:
        image: Image with ``python3`` 3.9 or newer and, for shells, ``bash``.
        limits: Limits of the sandbox.
        user: User and group id of its processes.
        labels: Labels to find it by.
        archive_bytes: Length of the supervisor's archive, which it reads first.
    """
    config = json.dumps(
        {
            "workdir": WORKDIR,
            "held_memory": limits.memory_bytes,
            "held_processes": limits.processes,
            "count_processes": True,
            "beside": _SUPERVISOR_TASKS,
            "filtered": True,
            "filter": base64.b64encode(program()).decode(),
        }
    )
    memory = limits.memory_bytes + _SUPERVISOR_BYTES
    files = max(limits.open_files, _SUPERVISOR_FILES)
    disk = (
        f"size={limits.disk_bytes},nr_inodes={limits.disk_bytes // INODE_BYTES},exec,nosuid,nodev"
    )
    return {
        "Image": image,
        "Entrypoint": ["python3"],
        "Cmd": ["-I", "-c", START, str(archive_bytes), config],
        "Hostname": "box",
        "WorkingDir": "/",
        "User": f"{user}:{user}",
        "Labels": dict(labels),
        "NetworkDisabled": True,
        "OpenStdin": True,
        "StdinOnce": True,  # its input ends when we disconnect or die; then the supervisor ends
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,
        "HostConfig": {
            "NetworkMode": "none",
            "IpcMode": "private",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Memory": memory,
            "MemorySwap": memory,
            "PidsLimit": limits.processes + _SUPERVISOR_TASKS,
            "OomScoreAdj": _HARMLESS,
            "ShmSize": _SHARED_BYTES,
            "Tmpfs": {
                WORKDIR: f"{disk},mode=0700,uid={user},gid={user}",
                "/tmp": f"{disk},mode=1777",
            },
            "Ulimits": [
                {"Name": "core", "Soft": 0, "Hard": 0},
                {"Name": "nofile", "Soft": files, "Hard": files},
            ],
            "LogConfig": {"Type": "none"},
        },
    }
