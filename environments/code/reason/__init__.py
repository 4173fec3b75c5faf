"""Reasoning about programs: predict outputs, find inputs, write programs (Absolute Zero, 2025)."""
