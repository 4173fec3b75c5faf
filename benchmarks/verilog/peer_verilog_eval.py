"""VerilogEval's own grading (NVlabs, v2), written anew from its Makefile and `sv-iv-analyze`.

There is no package of it to install. Design, test bench and reference are compiled together by
``iverilog -Wall -Winfloop -Wno-timescale -g2012 -s tb``, run under ``timeout 30``, and a design is
right where the log's line of mismatches counts none.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from items import AT_ONCE, Item, check, timed

FLAGS = ("-Wall", "-Winfloop", "-Wno-timescale", "-g2012", "-s", "tb")
_MISMATCHES = re.compile(r"^Mismatches: (\d+) in \d+ samples$", re.MULTILINE)


def graded(item: Item) -> None:
    """One design."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "design.sv").write_text(item.design)
        files = [f"{item.place}_test.sv", f"{item.place}_ref.sv"]
        log = run("iverilog", *FLAGS, "-o", "bin", "design.sv", *files, cwd=folder)
        log += run("timeout", "30", "vvp", "bin", cwd=folder)
    found = _MISMATCHES.findall(log)
    check(item, bool(found) and int(found[0]) == 0)


def run(*argv: str, cwd: str) -> str:
    """Output of a program."""
    done = subprocess.run(
        argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.stdout.decode("utf-8", "replace")


def grade(items: Sequence[Item]) -> None:
    """All of them."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(graded, items))


if __name__ == "__main__":
    if shutil.which("iverilog") is None:
        print('{"absent": "iverilog is not installed: apt-get install iverilog"}')
    else:
        timed(grade)
