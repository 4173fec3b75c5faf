"""Chat rendering: messages and tool calls as token ids, by a model's template and dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from envgym.chat.renderer import Chat, message_action
    from envgym.chat.template import ChatTemplate

__all__ = ["Chat", "ChatTemplate", "message_action"]

__getattr__ = lazy_exports(
    __name__,
    {
        "renderer": (
            "Chat",
            "message_action",
        ),
        "template": ("ChatTemplate",),
    },
)
