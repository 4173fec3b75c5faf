"""Problem sources: a VerilogEval folder, an RTLLM folder, or JSONL rows, detected by content."""

from __future__ import annotations

from pathlib import Path

from envgym.environments.verilog.problem import Problem
from envgym.environments.verilog.sources.rows import load_rows
from envgym.environments.verilog.sources.rtllm import DESCRIPTION, load_rtllm
from envgym.environments.verilog.sources.verilog_eval import PROMPT, find_folder, load_verilog_eval
from envgym.errors import UsageError

__all__ = ["load_problems", "load_rows", "load_rtllm", "load_verilog_eval"]


def load_problems(path: str) -> list[Problem]:
    """Problems of a file or folder, in order.

    Raises:
        UsageError: Nothing that is known lies there, a part is missing, or text is no text; the
            message names the file.
    """
    place = Path(path)
    if place.is_file():
        return load_rows(place)
    if not place.is_dir():
        raise UsageError(
            f"no file or folder {path!r}: give VerilogEval's, RTLLM's or a .jsonl file"
        )
    folder = find_folder(place)
    if folder is not None:
        return load_verilog_eval(folder)
    if next(place.rglob(DESCRIPTION), None) is not None:
        return load_rtllm(place)
    raise UsageError(
        f"{path}: neither VerilogEval's layout (*{PROMPT}) nor RTLLM's ({DESCRIPTION}) lies there"
    )
