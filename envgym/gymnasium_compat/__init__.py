"""Gymnasium bridge: registered environments as synchronous Gymnasium environments.

Importing this package registers every id with Gymnasium, as ``envgym/NAME``.
"""

from envgym.gymnasium_compat.sync_env import SyncEnv, register_all
from envgym.gymnasium_compat.text_space import AnyText

__all__ = ["AnyText", "SyncEnv", "register_all"]
