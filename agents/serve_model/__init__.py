"""Model server: the local engine behind vLLM's token protocol and OpenAI's chat completions."""

from __future__ import annotations

from envgym.agents.serve_model.app import ModelServer, serve_model
from envgym.agents.serve_model.served_model import ServedModel

__all__ = ["ModelServer", "ServedModel", "serve_model"]
