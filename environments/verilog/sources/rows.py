"""JSONL rows in CodeV-R1's format (arXiv 2505.24183): a question with one or more golden designs.

CodeV-R1's parquet stores its ground truth as a pickle, and unpickling executes code: such a row is
rejected, and has to be exported as JSON by someone who trusts it. Clock and resets are detected in
the design; ports that a row states are checked against it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envgym.environments.verilog.compare_when import conditions
from envgym.environments.verilog.problem import MOST_CHARACTERS, Problem
from envgym.errors import UsageError

_QUESTIONS = ("question", "problem", "instruction", "prompt")
_TRUTHS = ("ground_truth", "goldens", "golden", "answer", "code")


def load_rows(path: Path) -> list[Problem]:
    """Rows of a ``.jsonl`` or ``.jsonl.gz`` file.

    Raises:
        UsageError: A row is broken, asks nothing, or has no golden; with its line number.
    """
    problems = []
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    problems.append(_problem(line, number, path))
    except (OSError, EOFError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    if not problems:
        raise UsageError(f"{path}: no rows")
    return problems


def _problem(line: bytes, number: int, path: Path) -> Problem:
    where = f"{path}, line {number}"
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: no JSON: {error}") from error
    if not isinstance(row, dict):
        raise UsageError(f"{where}: a row is an object")
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{where}: half a character (a lone surrogate) in it") from error
    spec = next((text for key in _QUESTIONS if (text := _text(row.get(key)))), "")
    if not spec:
        raise UsageError(f"{where}: no question under {', '.join(_QUESTIONS)}")
    truth = row.get("reward_model")
    nested = truth if isinstance(truth, dict) else {}
    given = next((d[k] for d in (nested, row) for k in _TRUTHS if d.get(k)), None)
    designs = list(_designs(given, where))
    if not designs:
        raise UsageError(f"{where}: no golden design under {', '.join(_TRUTHS)}")
    if any(len(code) > MOST_CHARACTERS for code, _ in designs):
        raise UsageError(f"{where}: a golden design of more than {MOST_CHARACTERS} characters")
    stated = next((ports for _, ports in designs if ports), {})
    goldens = tuple(dict.fromkeys(code for code, _ in designs))
    name = str(row.get("name") or row.get("task_id") or row.get("id") or f"row {number}")
    when = conditions(row.get("compare_when"), where)
    return Problem(name, spec, goldens, row.get("module"), ports=stated, compare_when=when)


def _text(value: Any) -> str:
    """Question as text; of a chat, the last user message."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        said = [m.get("content") for m in value if isinstance(m, dict) and m.get("role") == "user"]
        return _text(said[-1]) if said else ""
    return ""


def _designs(value: Any, where: str) -> Iterator[tuple[str, dict[str, int]]]:
    """Golden designs with the ports that the row states for them."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("{", "[")):
            try:
                yield from _designs(json.loads(text), where)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{where}: the ground truth is no JSON: {error}") from error
        elif "module" in text and "endmodule" in text:
            yield text + "\n", {}
        else:
            raise UsageError(
                f"{where}: the ground truth is no Verilog and no JSON; a pickled one is not read: "
                "export it as JSON"
            )
    elif isinstance(value, list):
        for one in value:
            yield from _designs(one, where)
    elif isinstance(value, Mapping):
        code = value.get("code")
        if isinstance(code, str):
            ports = {**_widths(value, "input", where), **_widths(value, "output", where)}
            for found, _ in _designs(code, where):
                yield found, ports
        else:
            for one in value.values():
                yield from _designs(one, where)
    elif value is not None:
        raise UsageError(f"{where}: a ground truth of type {type(value).__name__}")


def _widths(row: Mapping[str, Any], way: str, where: str) -> dict[str, int]:
    pairs = row.get(f"{way}_port_width") or []
    try:
        return {str(name): int(width) for name, width in pairs}
    except (TypeError, ValueError) as error:
        raise UsageError(f"{where}: {way}_port_width is a list of [name, width] pairs") from error
