"""Ten NP-hard problems, one per file: statement, validator and heuristic reference."""
