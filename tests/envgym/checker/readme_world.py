"""README's own environment, as a reader would paste it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from envgym.tool_env import ToolEnv

README = Path(__file__).parents[3] / "README.md"
SOURCE = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[-1]


def guess_number() -> type[ToolEnv[Any]]:
    """The class `GuessNumber`, unregistered."""
    names: dict[str, Any] = {"__name__": "guess"}
    exec(SOURCE.split("envgym.register")[0], names)
    return names["GuessNumber"]


GuessNumber: Any = guess_number()
