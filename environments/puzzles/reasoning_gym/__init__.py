"""Data sets of the reasoning-gym package as environments."""
