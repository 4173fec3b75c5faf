"""Statistics that find hidden numbers and short strings given away in the texts of tasks.

One page that holds a 7 proves nothing. A hidden number is given away when the page of each task
holds that task's own number and not the numbers of the other tasks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from envgym.task import Task

_OWN = 0.9
_OTHERS = 0.3
_TASKS = 8


def contrasted(tasks: Sequence[Task], texts: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Find keys of the hidden part, with the first task's value, that the tasks' texts give away.

    A value counts where the visible part does not hold it. Given away is what stands, as a whole
    word, in nine of ten of the tasks' own texts, and in fewer than a third of those of tasks that
    have another value. Fewer than eight tasks that have two values between them say nothing.
    """
    keys = {key for task in tasks for key in task.hidden}
    for key in sorted(keys, key=str):
        rows = [
            (task.hidden[key], text)
            for task, text in zip(tasks, texts, strict=True)
            if _is_plain(task.hidden.get(key)) and not _holds(_visible(task), task.hidden[key])
        ]
        if len(rows) < _TASKS or len({value for value, _ in rows}) < 2:
            continue
        own = [_holds(text, value) for value, text in rows]
        others = [
            _holds(text, value) for value, _ in rows for other, text in rows if other != value
        ]
        if sum(own) >= _OWN * len(own) and sum(others) <= _OTHERS * len(others):
            yield key, rows[0][0]


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool) and value != ""


def _visible(task: Task) -> str:
    data: Mapping[str, Any] = task.data
    return json.dumps(dict(data), ensure_ascii=False, default=str)


def _holds(text: str, value: Any) -> bool:
    return bool(re.search(rf"(?<![\w.]){re.escape(str(value))}(?!\w|\.\d)", text, re.IGNORECASE))
