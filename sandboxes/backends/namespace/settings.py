"""Settings that the host sends to a zygote once, and per sandbox; plain JSON values."""

from __future__ import annotations

from dataclasses import dataclass, field

_NAMES = """
    abc argparse array ast base64 bisect builtins calendar collections collections.abc
    contextlib copy csv dataclasses datetime decimal enum fractions functools hashlib heapq
    inspect io itertools json math numbers operator os os.path pathlib pickle pprint queue
    random re shutil socket statistics string struct subprocess sys tempfile textwrap threading
    time timeit traceback types typing unicodedata unittest uuid zlib
"""
STDLIB = tuple(_NAMES.split())
"""Modules that programs import most; the zygote imports them in advance."""


@dataclass(frozen=True)
class Settings:
    """Settings of all sandboxes of one zygote.

    Attributes:
        mode: ``root`` (own user ids for each sandbox), ``user`` (the caller's alone) or
            ``landlock`` (no namespaces).
        readable: Paths beside the system's that programs may read.
        import_paths: Folders of Python modules beside the standard library.
        imports: Modules imported before a sandbox is made.
        env: Environment variables of programs.
        group_version: cgroup version; 0 without control groups.
        own_ids: Whether each sandbox has user ids of its own.
        folder: Parent folder of ``landlock`` sandboxes; "" in the other modes.
    """

    mode: str
    readable: list[str] = field(default_factory=list)
    import_paths: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=lambda: [*STDLIB])
    env: dict[str, str] = field(default_factory=dict)
    group_version: int = 0
    own_ids: bool = False
    folder: str = ""


@dataclass(frozen=True)
class BoxSettings:
    """Settings of one sandbox."""

    id: int
    memory_bytes: int
    processes: int
    disk_bytes: int
