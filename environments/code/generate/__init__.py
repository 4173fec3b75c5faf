"""Generator of programming tasks: compositions of small plain functions, with their wording."""
