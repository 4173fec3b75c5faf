"""Tabular policies: claims about credit and losses, trained and evaluated exactly in seconds.

A softmax table over an environment's named states and a list of actions replaces the language
model. Advantages, rewards, losses, token weights and batching are those of the trainer.
"""

from __future__ import annotations

from envgym.trainers.reproduce.table.config import TableConfig
from envgym.trainers.reproduce.table.machine import Machine
from envgym.trainers.reproduce.table.policy import TablePolicy
from envgym.trainers.reproduce.table.training import finished_table, train_table

__all__ = ["Machine", "TableConfig", "TablePolicy", "finished_table", "train_table"]
