"""Examples as a user runs them, and a chat endpoint for those that ask one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
ENVGYM = str(Path(sys.executable).parent / "envgym")
Run = Callable[..., str]


@pytest.fixture
def run() -> Run:
    """Runs a command in the folder of the examples; its output."""

    def call(*command: str, typed: str = "") -> str:
        program = ENVGYM if command[0] == "envgym" else sys.executable
        arguments = command[1:] if command[0] == "envgym" else command
        done = subprocess.run(
            (program, *arguments),
            cwd=EXAMPLES,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENAI_API_KEY": "sesame"},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


class _Halving(BaseHTTPRequestHandler):
    """A model that plays `GuessNumber` by halving what is left, by what the messages say."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call = {"name": "guess", "arguments": json.dumps({"number": _next(body["messages"])})}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "a", "type": "function", "function": call}],
        }
        usage = {"prompt_tokens": 50, "completion_tokens": 10}
        text = json.dumps({"choices": [{"message": message}], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        pass


def _next(messages: list[dict[str, Any]]) -> int:
    low, high, middle = 1, 7, 0
    for message in messages:
        for call in message.get("tool_calls") or ():
            middle = int(re.findall(r"\d+", call["function"]["arguments"])[0])
        if message["role"] == "tool":
            low, high = (middle + 1, high) if "Higher" in message["content"] else (low, middle - 1)
    return (low + high) // 2


@pytest.fixture
def address() -> Iterator[str]:
    """Of an endpoint whose model plays well."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Halving) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
