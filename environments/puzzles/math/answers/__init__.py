"""Parsing and comparison of mathematical answers: text to structure, structure to verdict."""
