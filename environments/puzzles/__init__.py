"""Puzzles: small worlds with exact judges, written anew for every seed."""
