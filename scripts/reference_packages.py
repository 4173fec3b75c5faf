"""Griffe extension: the reference shows packages of plug-ins by their modules.

Such a package re-exports every class of its modules. Its page shows the modules, one per method,
where links from the page of methods lead; the re-exported names would be there a second time.
"""

from __future__ import annotations

from typing import Any

from griffe import Extension, Module


class ByModule(Extension):
    """Hides what the named packages re-export.

    Args:
        packages: Paths such as ``envgym.trainers.losses``.
    """

    def __init__(self, packages: list[str]) -> None:
        super().__init__()
        self.packages = {*packages}

    def on_module(self, *, mod: Module, **kwargs: Any) -> None:
        """Called by Griffe for every module it has read."""
        if mod.path in self.packages:
            mod.exports = []
