"""Reasoning about programs: what it gives, what it was given, what it is (Absolute Zero, 2025)."""
