"""Boxes made of Linux itself: a warm interpreter forked into fresh namespaces, in milliseconds.

`backend` is the host's side. `zygote` is the process that forks boxes; it and what it imports use
the standard library alone, for they run where nothing else is to be seen.
"""
