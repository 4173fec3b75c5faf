"""A zygote's first lines: ``python -s -S -P start.py FD``, with an empty environment.

It makes packages ``envgym``, ``envgym.sandboxes`` and its graders' that hold modules and run no
code of their own, so that nothing but the standard library and what boxes are made with is ever
loaded here.
"""

from __future__ import annotations

import os
import sys
import types


def _bare_packages() -> None:
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for name in ("envgym", "envgym.sandboxes", "envgym.sandboxes.graders"):
        module = types.ModuleType(name)
        module.__path__ = [os.path.join(os.path.dirname(root), *name.split("."))]
        sys.modules[name] = module


if __name__ == "__main__":
    _bare_packages()
    from envgym.sandboxes.box.fork_hooks import hold_hooks

    hold_hooks()
    from envgym.sandboxes.namespace.zygote import main

    main(int(sys.argv[1]))
