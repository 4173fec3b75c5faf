"""Side-by-side measurements against peers, one command each: ``envgym bench NAME``.

A bench is a module here with a `BENCH`. Its sides are scripts that print one JSON object of
figures; ours runs in the project's environment, the peers' in one made for the bench. They run in
turn, round after round, in fresh processes with the same number of threads.
"""
