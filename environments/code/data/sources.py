"""Row sources: a local file, or a published data set by name.

The fields of a row decide its format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from envgym.environments.code.data.formats.asserts import human_eval, mbpp
from envgym.environments.code.data.formats.deepcoder import deepcoder
from envgym.environments.code.data.formats.evalplus import eval_plus
from envgym.environments.code.data.formats.input_output import apps, code_contests
from envgym.environments.code.data.formats.leetcode import is_method, leetcode
from envgym.environments.code.data.formats.livecodebench import livecodebench
from envgym.environments.code.data.formats.row import BadRow, Loaded, Row
from envgym.environments.rows import read_rows
from envgym.errors import UsageError

_FILES = (".json", ".jsonl", ".gz")
_SHAPES: dict[str, tuple[tuple[str, ...], Callable[[Row, str], Loaded]]] = {
    "EvalPlus": (("entry_point", "base_input", "canonical_solution"), eval_plus),
    "HumanEval": (("prompt", "entry_point", "test"), human_eval),
    "LeetCodeDataset": (("entry_point", "test"), leetcode),
    "MBPP": (("test_list",), mbpp),
    "APPS": (("question", "input_output"), apps),
    "CodeContests": (("description", "public_tests"), code_contests),
    "LiveCodeBench": (("question_content", "public_test_cases"), livecodebench),
    "DeepCoder": (("tests",), deepcoder),
}


def read(data: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Yield position, split (None where the data has none) and fields per row.

    Args:
        data: A JSON or JSONL file, plain or gzipped, or a data set's name (or folder).
        options: For ``datasets.load_dataset``: ``name``, ``revision``, ``split``, …

    Raises:
        UsageError: The file or data set is missing or malformed.
    """
    path = Path(data)
    if path.is_file():
        try:
            for where, row in read_rows(path):
                split = row.get("split")
                yield where, split if split in ("train", "test") else None, row
        except ValueError as error:
            raise UsageError(str(error)) from None
        return
    if path.suffix in _FILES:
        raise UsageError(f"no file {data!r}: give the path of a JSON or JSONL file")
    yield from _published(data, options)


def _published(
    data: str, options: Mapping[str, Any]
) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    try:
        import datasets
    except ModuleNotFoundError:
        fix = "pip install 'envgym[code]', or give a local file"
        raise UsageError(f"{data!r} is no file, and data sets need datasets: {fix}") from None
    try:
        found = datasets.load_dataset(data, **options)
    except Exception as error:  # the library passes on exceptions of its many back ends
        said = str(error).split("\n")[0]
        raise UsageError(
            f"the data set {data!r} does not load: {said}; see data_options (name, split, revision)"
        ) from error
    splits = found if isinstance(found, dict) else {"": found}
    for split, rows in splits.items():
        known = {"": None, "train": "train"}.get(str(split), "test") if len(splits) > 1 else None
        for index, row in enumerate(rows):
            yield f"{data} {split} row {index}".replace("  ", " "), known, dict(row)


def shaped(fields: dict[str, Any], where: str) -> Loaded:
    """Parse a row into a problem; its fields decide the format.

    Raises:
        BadRow: The row has no known format, or no usable tests.
    """
    row = Row(fields)
    for names, make in _SHAPES.values():
        if all(name in row for name in names):
            if make is human_eval and is_method(row):  # a method as entry point
                make = leetcode
            return make(row, where)
    known = "; ".join(f"{shape}: {', '.join(names)}" for shape, (names, _) in _SHAPES.items())
    raise BadRow(f"its fields ({', '.join(map(str, fields))}) are of no known shape ({known})")
