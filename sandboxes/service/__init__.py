"""Sandbox service over HTTP, so that untrusted code need not run on the training machine.

``docs/sandbox_service.md`` has the requests; `envgym.sandboxes.backends.remote` is the client.
"""
