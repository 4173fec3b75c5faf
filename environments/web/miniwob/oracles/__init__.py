"""Oracles of MiniWoB++ tasks, which act through the agent's own tools on the elements it sees."""

from __future__ import annotations

from envgym.environments.web.miniwob.oracles import clicks, dates, drags, forms, lists, mail, texts
from envgym.environments.web.miniwob.oracles.expert import ORACLES, Expert

__all__ = ["ORACLES", "Expert", "clicks", "dates", "drags", "forms", "lists", "mail", "texts"]
