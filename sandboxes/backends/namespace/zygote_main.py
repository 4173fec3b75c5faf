"""Entry point of a zygote: ``python -s -S -P zygote_main.py FD``, with an empty environment.

The packages ``envgym``, ``envgym.sandboxes`` and those of backends and graders are stubs here: they
hold modules and run no code, so that only the standard library and the modules of sandboxes are
loaded.
"""

from __future__ import annotations

import os
import sys
import types

GRADERS = "envgym.sandboxes.graders"


def _bare_packages() -> None:
    root = os.path.abspath(__file__)
    for _ in range(5):
        root = os.path.dirname(root)
    for name in ("envgym", "envgym.sandboxes", "envgym.sandboxes.backends", GRADERS):
        module = types.ModuleType(name)
        module.__path__ = [os.path.join(root, *name.split("."))]
        sys.modules[name] = module


if __name__ == "__main__":
    _bare_packages()
    from envgym.sandboxes.supervisor.child.fork_hooks import hold_hooks

    hold_hooks()
    from envgym.sandboxes.backends.namespace.zygote import main

    main(int(sys.argv[1]))
