"""Registry of backends by name. The caller chooses; no backend replaces another."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from envgym.errors import UsageError, suggest
from envgym.sandboxes.base import Backend

BACKENDS = {
    "docker": "envgym.sandboxes.backends.docker.backend:DockerBackend",
    "namespace": "envgym.sandboxes.backends.namespace.backend:NamespaceBackend",
    "remote": "envgym.sandboxes.backends.remote.backend:RemoteBackend",
    "unsafe": "envgym.sandboxes.backends.unsafe:UnsafeBackend",
}


def open_backend(name: str, **options: Any) -> Backend:
    """Make a backend; its options are its constructor's.

    Raises:
        UsageError: There is no such backend, or this machine cannot run it (the command ``envgym
            sandbox probe`` says why).
    """
    if name not in BACKENDS:
        raise UsageError(f"no sandbox backend {name!r}.{suggest(name, BACKENDS)}")
    module, _, attribute = BACKENDS[name].partition(":")
    backend: Backend = getattr(import_module(module), attribute)(**options)
    return backend
