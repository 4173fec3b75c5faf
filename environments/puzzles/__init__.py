"""Puzzles: small worlds with exact solvers."""
