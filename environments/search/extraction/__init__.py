"""Relation extraction: facts read off encyclopedia pages, and questions made from them."""
