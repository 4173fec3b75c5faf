"""Docker backend: sandboxes as containers, through the engine's HTTP API."""
