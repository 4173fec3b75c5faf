"""Code blocks of Markdown pages, and how a test runs each as a reader would.

- A block with a title (```` ```python title="shop.py" ````) is written to that file.
- ``python``: a program of its own; ``await`` may stand at its top level.
- ``sh`` and ``bash``: run by bash, with ``envgym`` of this installation.
- ``<!-- no-test: reason -->`` above a block: it is not run. ``<!-- test-with: arguments -->``: they
  are added to the block's command, to make it small.
- A ``text`` block is the output of the block before it; ``…`` stands for anything.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>no-test|test-with): (?P<note>.*?) -->\n+)?"
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<code>.*?)^```$',
    re.DOTALL | re.MULTILINE,
)
_FENCE = re.compile(r"^```\w", re.MULTILINE)
_PROGRAM = """
import ast, asyncio, inspect, sys
source = open(sys.argv[1]).read()
code = compile(source, sys.argv[1], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
running = eval(code, {"__name__": "__main__"})
if inspect.iscoroutine(running):
    asyncio.run(running)
"""


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        title: The file it is written to; empty where it is run.
        no_test: Why it is not run; empty where it is.
        test_with: Arguments added to its command.
        output: What the page shows of its output; None where it shows nothing.
    """

    language: str
    code: str
    title: str = ""
    no_test: str = ""
    test_with: str = ""
    output: str | None = None


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in order; each shown output is with the block that printed it."""
    text = page.read_text()
    found: list[Block] = []
    matches = list(_BLOCK.finditer(text))
    assert len(matches) == len(_FENCE.findall(text)), f"{page}: a fence that no rule reads"
    for match in matches:
        mark, note = match["mark"], match["note"] or ""
        block = Block(
            match["language"],
            match["code"],
            match["title"] or "",
            note if mark == "no-test" else "",
            note if mark == "test-with" else "",
        )
        if block.language == "text" and not block.title and found:
            found[-1] = replace(found[-1], output=block.code)
        else:
            found.append(block)
    return found


def run(block: Block, folder: Path) -> str:
    """Run a block, or write its file; returns what it printed."""
    if block.title:
        (folder / block.title).write_text(block.code)
        return ""
    if block.language == "python":
        (folder / "block.py").write_text(block.code)
        command: Sequence[str] = (sys.executable, "-c", _PROGRAM, "block.py")
    elif block.language in ("sh", "bash"):
        command = ("bash", "-ec", f"{block.code.rstrip()} {block.test_with}")
    else:
        raise AssertionError(f"no rule runs {block.language} blocks: give it a title or no-test")
    return finished(command, folder)


def finished(command: Sequence[str], folder: Path, typed: str = "") -> str:
    """Output of a command that ends well in a reader's environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def prints(output: str, shown: str) -> None:
    """Assert that every shown line is printed, in order; ``…`` stands for anything."""
    lines = iter(output.splitlines())
    for expected in filter(None, map(str.strip, shown.splitlines())):
        pattern = ".*".join(map(re.escape, expected.split("…")))
        assert any(re.fullmatch(pattern, line.strip()) for line in lines), (
            f"the page shows {expected!r}, and its code printed:\n{output}"
        )
