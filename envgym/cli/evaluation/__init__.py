"""Command ``envgym eval``: its options, the evaluation of an agent, and the table of scores."""
