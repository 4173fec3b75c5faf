"""RTLLM folders: ``design_description.txt``, ``testbench.v``, ``verified_NAME.v`` (HKUST, MIT).

Some verified designs carry the file's prefix in their module name; the description asks for the
name without it. A few names differ altogether (``adder_pipe_64bit`` is ``verified_adder_64bit``):
the name in the description counts.
"""

from __future__ import annotations

import re
from pathlib import Path

from envgym.environments.verilog.problem import Problem
from envgym.environments.verilog.sources.text import read_text
from envgym.errors import UsageError

DESCRIPTION = "design_description.txt"
_ASKED = re.compile(r"Module name\s*:?\s*`?([A-Za-z_]\w*)")


def load_rtllm(place: Path) -> list[Problem]:
    """The problems below a folder, by path.

    Raises:
        UsageError: A folder has a description and no verified design, or several.
    """
    problems = []
    for description in sorted(place.rglob(DESCRIPTION)):
        folder = description.parent
        verified = sorted(folder.glob("verified_*.v")) + sorted(folder.glob("verified_*.sv"))
        if len(verified) != 1:
            raise UsageError(
                f"{folder}: {len(verified)} files verified_NAME.v; one has to be there"
            )
        golden = re.sub(r"\bverified_(\w+)", r"\1", read_text(verified[0]))
        spec = read_text(description).strip()
        asked = _ASKED.search(spec)
        only = _only_module(golden)
        module = asked[1] if asked else only or verified[0].stem.removeprefix("verified_")
        if only is not None and only != module:
            golden = re.sub(rf"\b{only}\b", module, golden)
        if not re.search(rf"\bmodule\s+{re.escape(module)}\b", golden):
            raise UsageError(f"{verified[0]}: defines no module {module}")
        problems.append(Problem(str(folder.relative_to(place)), spec, (golden,), module))
    return problems


def _only_module(source: str) -> str | None:
    names = re.findall(r"^\s*module\s+([A-Za-z_]\w*)", source, re.MULTILINE)
    return names[0] if len(names) == 1 else None
