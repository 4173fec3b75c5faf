"""Reasons why an episode ended, as one enum for reports, filters and losses."""

from __future__ import annotations

from enum import StrEnum


class StopReason(StrEnum):
    """Reason of an episode's end, set by the environment or the rollout."""

    ANSWERED = "answered"
    """The agent gave its final answer or reached the goal: the ordinary end."""
    MAX_TURNS = "max_turns"
    """The environment's turn limit was reached (truncation)."""
    MAX_TOKENS = "max_tokens"
    """The context or the episode's token budget is full (truncation)."""
    INVALID_ACTION = "invalid_action"
    """The environment ends on an action it cannot accept."""
    TIMEOUT = "timeout"
    """The episode's wall-clock limit passed (truncation)."""
    NO_TOOL_CALL = "no_tool_call"
    """The message called no tool, where the environment takes that as the end."""
    ABANDONED = "abandoned"
    """The player left (truncation)."""
    OPPONENT = "opponent"
    """Another seat ended the episode."""
    FAULT = "fault"
    """Infrastructure or environment failure: no reward, not for training."""
