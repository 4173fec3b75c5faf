"""Icarus and Yosys in a sandbox: commands, sessions, test benches."""
