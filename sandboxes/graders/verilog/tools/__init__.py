"""Icarus and Yosys in a box: commands, sessions, test benches."""
