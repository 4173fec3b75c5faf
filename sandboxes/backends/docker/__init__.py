"""Docker backend: boxes as containers, through the engine's HTTP API."""
