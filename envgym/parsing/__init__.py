"""Readers of model text: reasoning blocks, code fences, near-JSON, tool arguments."""
