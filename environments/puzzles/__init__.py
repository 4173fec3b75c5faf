"""Generated puzzles with exact judges."""
