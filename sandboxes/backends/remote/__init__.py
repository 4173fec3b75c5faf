"""Sandboxes of a sandbox service, reached over HTTP."""
