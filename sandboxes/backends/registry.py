"""Registry of backends by name. The caller chooses; no backend replaces another.

A backend of one's own is named by ``module:Class``, or offered by an installed package through the
entry point group ``envgym.sandbox_backend``.
"""

from __future__ import annotations

from typing import Any

from envgym.errors import UsageError
from envgym.sandboxes.base import Backend
from envgym.utils.extensions import find_extension

BACKENDS = {
    "docker": "envgym.sandboxes.backends.docker.backend:DockerBackend",
    "namespace": "envgym.sandboxes.backends.namespace.backend:NamespaceBackend",
    "remote": "envgym.sandboxes.backends.remote.backend:RemoteBackend",
    "unsafe": "envgym.sandboxes.backends.unsafe:UnsafeBackend",
}


def open_backend(name: str, **options: Any) -> Backend:
    """Make a backend; its options are its constructor's.

    Args:
        name: A name in `BACKENDS`, ``module:Class``, or the name of an entry point.

    Raises:
        UsageError: There is no such backend, or this machine cannot run it (the command ``envgym
            sandbox probe`` says why).
    """
    backend: Backend = backend_class(name)(**options)
    return backend


def backend_class(name: str) -> type[Backend]:
    """Class of a backend.

    Raises:
        UsageError: There is no such backend, or the class is none.
    """
    found = find_extension("sandbox_backend", name, BACKENDS)
    if not (isinstance(found, type) and issubclass(found, Backend)):
        raise UsageError(f"{name} is no sandbox backend: derive it from envgym.sandboxes.Backend")
    return found
