"""A person as an agent: what is shown in a terminal, the forms to fill in, the commands."""

from __future__ import annotations

from envgym.agents.human.agent import HumanAgent
from envgym.agents.human.terminal import PlayerLeft, Terminal, harmless

__all__ = ["HumanAgent", "PlayerLeft", "Terminal", "harmless"]
