"""Tasks of a served environment: the visible part, and a reference in place of the hidden one.

Gold answers stay on the server, which finds a task again by its split and index; so a task may be
kept in a file and be played again over the wire. Its key is the one that it has on the server.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from envgym.env import Env
from envgym.errors import UsageError
from envgym.serve.protocol.frames import TaskRow, Tasks
from envgym.task import Task, TaskSource

REFERENCE = "served"
"""The one key of a served task's hidden part; its value is ``split/index/key``."""
PAGE = 32
_PAGES = 256
"""Pages of tasks that a client keeps."""


class ServedTask(Task):
    """A task whose hidden part is on the server."""

    @property
    def key(self) -> str:
        """The key of the task on the server."""
        return str(self.hidden[REFERENCE]).rpartition("/")[2]


# --- the server's side --------------------------------------------------------------------------


def row_of(task: Task, origin: tuple[str, int] | None) -> TaskRow:
    """Encode a task for the wire.

    Args:
        origin: Its split and index; None where it stands in no split, and cannot be asked for.
    """
    split, index = origin or (task.split, -1)
    return {
        "data": dict(task.data),
        "hidden": {REFERENCE: f"{split}/{index}/{task.key}"},
        "split": task.split,
        "difficulty": task.difficulty,
    }


def task_of(row: TaskRow, env: Env[Any]) -> Task:
    """Find the task that a client names: one of the environment's own, or one sent whole.

    Raises:
        UsageError: The environment has no such task (any more).
    """
    if set(row["hidden"]) != {REFERENCE}:
        return Task(**row)
    split, index, key = _parts(row["hidden"])
    source = env.tasks(split)
    task = source[index] if 0 <= index < len(source) else None
    if task is None or task.key != key or dict(task.data) != row["data"]:
        raise UsageError(
            f"the server has another {split} task {index}: ask for tasks anew, or give this one "
            "with its whole hidden part"
        )
    return task


def _parts(hidden: Mapping[str, Any]) -> tuple[str, int, str]:
    split, _, rest = str(hidden[REFERENCE]).rpartition("/")[0].rpartition("/")
    key = str(hidden[REFERENCE]).rpartition("/")[2]
    try:
        return split, int(rest), key
    except ValueError:
        raise UsageError(f"no reference to a task: {hidden[REFERENCE]!r:.80}") from None


# --- the client's side --------------------------------------------------------------------------


def served_source(fetch: Callable[[int, int], Tasks]) -> TaskSource:
    """Make the source of a served split, fetched by the page as it is read.

    Args:
        fetch: Gets the tasks from one index up to another, and the split's size.
    """
    pages: OrderedDict[int, list[ServedTask]] = OrderedDict()

    def get(index: int) -> Task:
        number = index // PAGE
        if number not in pages:
            rows = fetch(number * PAGE, (number + 1) * PAGE)["rows"]
            pages[number] = [ServedTask(**row) for row in rows]
            if len(pages) > _PAGES:
                pages.popitem(last=False)
        return pages[number][index % PAGE]

    return TaskSource(fetch(0, 0)["size"], get)
