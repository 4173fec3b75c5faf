"""Programming problems from published data sets, in the row formats of their publishers."""
