"""Retrieval: BM25 over passages, in process or from a search server."""
