"""A real vLLM server on this machine's processor, as a process that may be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

START_S = 400.0


class VllmProcess:
    """``vllm serve`` of a checkpoint in float32.

    Chunked prefill is off: on a processor vLLM 0.32 dies where a request with a seed is chunked
    ("CPU Generator does not use offset").
    """

    def __init__(self, python: Path, checkpoint: Path, log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [
            *(str(python), "-m", "vllm.entrypoints.openai.api_server"),
            *("--model", str(checkpoint), "--served-model-name", "policy"),
            *("--hf-overrides", '{"tie_word_embeddings": false}'),
            *("--host", "127.0.0.1", "--port", str(self.port), "--dtype", "float32"),
            *("--enforce-eager", "--enable-scale-out", "--enable-prefix-caching"),
            *("--no-enable-chunked-prefill", "--max-num-batched-tokens", "8192"),
            *("--max-model-len", "1024", "--disable-log-stats"),
        ]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; `wait` for it to answer."""
        settings = {
            "VLLM_SERVER_DEV_MODE": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "VLLM_CPU_CI_ENV": "1",  # no warm-up
            "HF_HUB_OFFLINE": "1",
            "VLLM_LOGGING_LEVEL": "WARNING",
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=os.environ | settings,
                cwd=self._log.parent,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until it answers."""
        assert self._process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                with urlopen(f"{self.url}/health", timeout=2):
                    return
            except (URLError, OSError):
                time.sleep(0.5)
        raise AssertionError(f"vLLM does not answer: {self._log.read_text()[-3000:]}")

    def kill(self) -> None:
        """Kill it and its workers at once."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
