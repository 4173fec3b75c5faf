"""Relation extraction: facts from encyclopedia pages, and questions made from them."""
