"""Recipes: one runnable experiment per file; README.md describes each."""
