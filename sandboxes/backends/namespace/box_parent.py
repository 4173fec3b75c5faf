"""The parent of a sandbox's processes, as the code that runs in the sandbox's fork sees it.

The fork server implements it. Sandboxes read the parent's settings from it after the fork, so they
depend on this interface and not on the server.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Protocol

from envgym.sandboxes.backends.namespace.kernel.fork_server_cgroup import ForkServerCgroup
from envgym.sandboxes.backends.namespace.settings import Settings
from envgym.sandboxes.supervisor.config import BoxConfig


class BoxParent(Protocol):
    """The state that a sandbox inherits from the process that forks it.

    Attributes:
        control: Socket to the host; each message is one JSON object.
        settings: Settings of all sandboxes of the zygote.
        group: The control group of the sandboxes, if there is one.
        base: First user id of the sandboxes; None where they have the caller's.
        config: Configuration of the sandboxes' supervisors and programs.
        environment: Environment variables of the sandboxes' programs.
        below_tmp: Readable folders of the host below ``/tmp``.
        user_namespace: File descriptor of the sandboxes' user namespace.
    """

    control: socket.socket
    settings: Settings
    group: ForkServerCgroup | None
    base: int | None
    config: BoxConfig
    environment: dict[str, str]
    below_tmp: list[str]
    user_namespace: int

    def own_pids(self) -> None:
        """Fork children into the parent's own PID namespace again."""

    def landlock_folder(self, id: int) -> Path:
        """The folder of a sandbox that has no root of its own."""
        ...
