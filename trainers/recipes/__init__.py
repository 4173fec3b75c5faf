"""Recipes: one runnable experiment a file."""
