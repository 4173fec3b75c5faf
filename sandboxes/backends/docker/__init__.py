"""Boxes that are containers of a Docker engine, reached through its HTTP API."""
