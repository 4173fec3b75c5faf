"""Observations of a page: accessibility tree, pruned HTML, differences, screenshots."""
