"""Choice of a dialect by the chat template: the meaning of ``dialect: auto``."""

from __future__ import annotations

import logging
import re
from typing import Any

from envgym.chat.dialects.base import AUTO, DIALECTS
from envgym.errors import UsageError

log = logging.getLogger("envgym.chat.dialects")

_SIGNS: tuple[tuple[str, str], ...] = (
    ("deepseek_v32", "｜DSML｜"),
    ("deepseek_v3", r"<｜tool▁call▁begin｜>[\s\S]*```json"),
    ("deepseek_v31", "<｜tool▁call▁begin｜>"),
    ("harmony", r"<\|channel\|>commentary"),
    ("kimi_k2", r"<\|tool_call_begin\|>"),
    ("glm45", "<arg_key>"),
    ("qwen3_coder", "<function="),
    ("mistral", r"\[ARGS\]"),
    ("mistral_list", r"\[TOOL_CALLS\]"),
    ("lfm2", r"<\|tool_call_start\|>"),
    ("pythonic", r"<\|python_start\|>"),
    ("hermes", "<tool_call>"),
    ("llama3_json", r"<\|python_tag\|>|ipython[\s\S]*\"parameters\""),
)
"""Patterns that only the templates of a family hold, the most specific first."""


def resolve_dialect(name: str, chat_template: Any) -> str:
    """Resolve a dialect name; ``auto`` takes the dialect that the chat template shows, and logs it.

    Raises:
        UsageError: The template shows none that is known.
    """
    if name != AUTO:
        return name
    for found, sign in _SIGNS:
        if re.search(sign, str(chat_template)):  # some tokenizers have several, by name
            log.info("dialect: %s, by the chat template", found)
            return found
    raise UsageError(
        "dialect 'auto': the chat template shows no known form of tool call; name one of "
        f"{', '.join(sorted(DIALECTS))}"
    )
