"""What the host tells a zygote once, and what of each box; all of it plain JSON values."""

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
"""What programs import most: there before they start."""


@dataclass(frozen=True)
class Settings:
    """Of all boxes of one zygote.

    Attributes:
        mode: ``root`` (own user ids for each box), ``user`` (the caller's alone) or ``landlock``
            (no namespaces).
        readable: Paths beside the system's that programs may read.
        import_paths: Folders that Python programs import from, beside the standard library.
        imports: Modules that are imported before a box is made.
        env: Variables of programs.
        group_version: Of control groups; 0 where there are none.
        own_ids: Whether each box has user ids of its own.
        folder: Where ``landlock`` boxes have their folders; "" in the other modes.
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
    """Of one box."""

    id: int
    memory_bytes: int
    processes: int
    disk_bytes: int
