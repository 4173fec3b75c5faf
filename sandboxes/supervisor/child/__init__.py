"""Code between a fork and a program: limits, standard streams, source, REPL."""
