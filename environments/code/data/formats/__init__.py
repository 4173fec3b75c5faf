"""Row formats of published data sets of programming problems, one per module."""
