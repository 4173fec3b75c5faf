"""Judging in processes of their own, for answers that a library evaluates."""
