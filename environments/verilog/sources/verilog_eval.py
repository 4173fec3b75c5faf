"""VerilogEval v2 folder: ``NAME_prompt.txt``, ``NAME_ref.sv``, ``NAME_test.sv`` (NVlabs, MIT).

The reference is judged under the module name that the prompt asks for. The data set's testbench is
not used for judging, because a design could print its verdict.
"""

from __future__ import annotations

import re
from pathlib import Path

from envgym.environments.verilog.problem import Problem
from envgym.environments.verilog.sources.text import read_text
from envgym.errors import UsageError

PROMPT = "_prompt.txt"
MODULE = "TopModule"
_SUBFOLDER = "dataset_spec-to-rtl"


def find_folder(place: Path) -> Path | None:
    """Folder of the problems: the given one, or its ``dataset_spec-to-rtl``."""
    for folder in (place, place / _SUBFOLDER):
        if next(folder.glob(f"*{PROMPT}"), None) is not None:
            return folder
    return None


def load_verilog_eval(folder: Path) -> list[Problem]:
    """The folder's problems, by name.

    Raises:
        UsageError: A reference is missing, or is no ``RefModule``.
    """
    problems = []
    for prompt in sorted(folder.glob(f"*{PROMPT}")):
        name = prompt.name.removesuffix(PROMPT)
        reference = prompt.with_name(f"{name}_ref.sv")
        if not reference.is_file():
            raise UsageError(f"{prompt} has no {reference.name} beside it: no golden, no judge")
        golden = re.sub(r"\bRefModule\b", MODULE, read_text(reference))
        if not re.search(rf"\bmodule\s+{MODULE}\b", golden):
            raise UsageError(f"{reference}: defines no module RefModule")
        problems.append(Problem(name, read_text(prompt).strip(), (golden,), MODULE))
    return problems
