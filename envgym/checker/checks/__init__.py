"""Checks of the checker, one property of an environment per module."""
