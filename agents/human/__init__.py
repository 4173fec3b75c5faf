"""Human agent: a person who plays in a terminal."""

from __future__ import annotations

from envgym.agents.human.agent import HumanAgent
from envgym.agents.human.terminal import PlayerLeft, Terminal, harmless

__all__ = ["HumanAgent", "PlayerLeft", "Terminal", "harmless"]
