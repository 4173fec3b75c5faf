"""Retrieval: BM25 over passages, in the process or from a search server."""
