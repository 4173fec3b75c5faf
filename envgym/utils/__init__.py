"""Helpers without a notion of environments: HTTP, threads, progress lines, lazy imports."""
