"""Host's side of a supervisor: connection, archive, and the sandbox built on it."""
