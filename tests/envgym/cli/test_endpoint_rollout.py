"""A rollout by the command line with a model behind an API: cost in its summary, a budget."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.envgym.cli.test_cli import envgym


class _Endpoint(BaseHTTPRequestHandler):
    """Answers 100 tokens that no puzzle takes for an answer."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "no idea"}
        usage = {"prompt_tokens": 50, "completion_tokens": 100}
        text = json.dumps({"choices": [{"message": message}], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def test_a_budget_ends_it_and_what_was_paid_for_is_saved(address: str, tmp_path: Path) -> None:
    done = envgym(
        *("rollout", "puzzles/math-v1", "--agent", "openai", "--model", "x", "-n", "40"),
        *("--base-url", address, "--max-tokens", "100", "--concurrency", "1", "--json"),
        *("--input-price", "0", "--output-price", "10000", "--budget", "5.5"),
        *("--save", str(tmp_path / "out")),
    )
    assert done.returncode == 3
    assert "the budget of 5.5 has no room for another request: 5 is spent" in done.stderr
    report = json.loads(done.stdout)
    assert (report["requests"], report["output_tokens"], report["cost"]) == (5, 500, 5)
    saved = (tmp_path / "out" / "episodes-000000.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in saved]
    whole = [row["metrics"] for row in rows if row["fault"] is None]
    assert len(whole) == report["episodes"]
    assert sum(row["metrics"].get("agent/cost", 0) for row in rows) == 5
    replayed = envgym("replay", str(tmp_path / "out"), "--json")
    assert replayed.returncode == 0
    assert json.loads(replayed.stdout)["equal"] == len(whole)
