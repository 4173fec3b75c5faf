"""Sandboxes over HTTP: the machine that runs untrusted code need not be the one that trains.

``docs/sandbox_service.md`` has the requests; `envgym.sandboxes.backends.remote` is the client.
"""
