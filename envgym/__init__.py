"""envgym: the gym for language-model agents that act over many turns with tools.

    env = envgym.make("search/wiki-v1")
    observation, info = await env.reset(seed=0)
    step = await env.step(envgym.Action.call("search", query="Silent River"))

Names are loaded on first use, so that importing envgym stays cheap.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports
from envgym.utils.moved_modules import install

if TYPE_CHECKING:
    from envgym.agent import Agent, Completion, Context
    from envgym.chat.renderer import Chat
    from envgym.deadlines import Deadlines
    from envgym.env import Env, EnvSpec, StepResult
    from envgym.errors import EnvgymError, Fault, ToolError, UsageError
    from envgym.messages import Action, Message, Observation, ToolCall, hint, system, user
    from envgym.registry import make, register, specs
    from envgym.rollout.runner import Limits, Rollout, RolloutLimits, Start
    from envgym.stop_reason import StopReason
    from envgym.task import Task, TaskSource
    from envgym.tool_env import ToolEnv
    from envgym.tools import tool
    from envgym.trajectory import Episode, Span, Trajectory, Turn
    from envgym.vector.vector_env import make_vec

_HOMES = {
    "agent": ("Agent", "Completion", "Context"),
    "chat": ("Chat",),
    "deadlines": ("Deadlines",),
    "env": ("Env", "EnvSpec", "StepResult"),
    "errors": ("EnvgymError", "Fault", "ToolError", "UsageError"),
    "messages": ("Action", "Message", "Observation", "ToolCall", "hint", "system", "user"),
    "registry": ("make", "register", "specs"),
    "rollout": ("Limits", "Rollout", "RolloutLimits", "Start"),
    "stop_reason": ("StopReason",),
    "task": ("Task", "TaskSource"),
    "tool_env": ("ToolEnv",),
    "tools": ("tool",),
    "trajectory": ("Episode", "Span", "Trajectory", "Turn"),
    "vector": ("make_vec",),
}

__version__ = "0.1.0"
__all__ = [
    "Action",
    "Agent",
    "Chat",
    "Completion",
    "Context",
    "Deadlines",
    "Env",
    "EnvSpec",
    "EnvgymError",
    "Episode",
    "Fault",
    "Limits",
    "Message",
    "Observation",
    "Rollout",
    "RolloutLimits",
    "Span",
    "Start",
    "StepResult",
    "StopReason",
    "Task",
    "TaskSource",
    "ToolCall",
    "ToolEnv",
    "ToolError",
    "Trajectory",
    "Turn",
    "UsageError",
    "hint",
    "make",
    "make_vec",
    "register",
    "specs",
    "system",
    "tool",
    "user",
]


def _check_links() -> None:
    """Refuse a checkout in which the packages that are symbolic links became text files.

    Raises:
        ImportError: One of them is no folder.
    """
    for name in ("agents", "environments", "sandboxes", "trainers"):
        if not os.path.isdir(os.path.join(__path__[0], name)):
            raise ImportError(
                f"envgym/{name} is not a folder: it is a symbolic link in the repository, and this "
                "copy was made without links (git's core.symlinks=false, or a download that lost "
                "them). Run `git config core.symlinks true && git checkout -- envgym` (on Windows "
                "in developer mode), or `pip install` a wheel"
            )


_check_links()
install()

__getattr__ = lazy_exports(__name__, _HOMES)
