"""Canaries on the host: secrets, files, sockets and a process to kill.

They are planted for the suite alone and bear one random secret, so that a program which prints the
secret, touches a canary or reaches a listener has proved an escape, whatever the backend is.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SECRET_VARIABLES = ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "HTTPS_PROXY_PASSWORD")
SENSITIVE = ("/etc/passwd", "/etc/group", "/etc/hosts", "/etc/ld.so.preload", "/etc/ld.so.cache")


class HostCanaries:
    """Canaries, and checks for contact with them.

    A context manager; enter it before the backend is opened, so that a zygote has every chance to
    inherit what it should not.
    """

    def __init__(self) -> None:
        self.prefix = f"canary-{secrets.token_hex(4)}"
        self.secret = f"{self.prefix}-{secrets.token_hex(16)}"
        self._victim: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.callback(os.environ.update, dict(os.environ))
        for name in SECRET_VARIABLES:
            self._stack.callback(os.environ.pop, name, None)
            os.environ[name] = self.secret
        self._make_temporary_folder()
        self.canaries = [folder / self.prefix / "secret" for folder in _folders(self.temporary)]
        for canary in self.canaries:
            self._stack.callback(_remove, canary.parent)
        self._listen()
        self._stack.callback(lambda: self._end_victim())
        self.replant()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def replant(self) -> None:
        """Restore canaries that a successful attack has changed, for the next one."""
        for canary in self.canaries:
            self._plant(canary)
        if self._victim is not None and _state(self._victim.pid) != "S":
            self._end_victim()
        if self._victim is None:
            self._victim = subprocess.Popen(
                ["sh", "-c", "read line; :", self.secret],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        self.reached()

    def facts(self) -> dict[str, Any]:
        """Facts that spare an attack the search: all but the secret itself."""
        return {
            "pid": os.getpid(),
            "nice": os.nice(0),
            "prefix": self.prefix,
            "canaries": [str(path) for path in self.canaries],
            "victim": self._victim.pid if self._victim else 0,
            "name": socket.gethostname(),
            "port": self._tcp.getsockname()[1],
            "udp_port": self._udp.getsockname()[1],
            "addresses": _own_addresses(),
            "unix": str(self.temporary / "listener"),
            "abstract": f"{self.prefix}-listener",
            "home": str(Path.home()),
            "cwd": os.getcwd(),
        }

    def reached(self) -> list[str]:
        """Contacts since the last call: connections, a dead or stopped victim."""
        found = []
        for name, listener in self._listeners.items():
            with suppress(BlockingIOError):
                while True:
                    if listener.type == socket.SOCK_DGRAM:
                        listener.recv(1)
                    else:
                        listener.accept()[0].close()
                    found.append(f"something reached the host's {name} listener")
        if self._victim is None or _state(self._victim.pid) != "S":
            found.append("a process of the host was killed or stopped")
        return found

    def fingerprint(self) -> dict[str, object]:
        """State that must not change: contents of canaries, stat of system and user files."""
        marks: dict[str, object] = {}
        for canary in self.canaries:
            if canary.parent.exists():
                marks[str(canary.parent)] = sorted(os.listdir(canary.parent))
            whole = canary.exists() and hashlib.sha256(canary.read_bytes()).digest()
            marks[str(canary)] = whole and (whole, *_stat(canary))
        home = Path.home()
        profile = [home / name for name in (".bashrc", ".profile", ".bash_profile", ".ssh")]
        for path in [*map(Path, SENSITIVE), *profile, Path(sys.executable), Path(os.__file__)]:
            marks[str(path)] = _stat(path) if path.exists() else None
        marks["hostname"] = socket.gethostname()
        return marks

    def remove_leftovers(self, token: str) -> list[str]:
        """Remove and return files of the host whose names bear an attack's token."""
        system = ("/", "/tmp", "/dev/shm", "/var/tmp", "/run", "/run/lock", "/dev/mqueue", "/etc")
        code = (sysconfig.get_paths()["purelib"], sys.prefix, os.path.dirname(os.__file__))
        folders = dict.fromkeys([*system, *code, str(Path.home()), os.getcwd()])
        found = [
            os.path.join(folder, name)
            for folder in folders
            if os.path.isdir(folder)
            for name in os.listdir(folder)
            if token in name
        ]
        for path in found:
            _remove(path)
        return found

    def temporary_files(self) -> int:
        """Number of entries in the host's temporary folder and its subfolders."""
        return sum(1 for pattern in ("*", "*/*") for _ in self.temporary.glob(pattern))

    def _make_temporary_folder(self) -> None:
        """Make a temporary folder for this suite alone, which no other program changes."""
        self.temporary = Path(tempfile.mkdtemp(prefix="envgym-suites-"))
        self.temporary.chmod(0o755)
        self._stack.callback(_remove, self.temporary)
        self._stack.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
        if "TMPDIR" not in os.environ:
            self._stack.callback(os.environ.pop, "TMPDIR", None)
        tempfile.tempdir = os.environ["TMPDIR"] = str(self.temporary)

    def _plant(self, canary: Path) -> None:
        """Plant a file that programs of a sandbox must not read, change, rename or delete."""
        folder = canary.parent
        private = folder.parent == Path.home()
        if folder.is_dir() and os.listdir(folder) != [canary.name]:
            _remove(folder)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700 if private else 0o755)
        if not canary.exists() or canary.read_text() != self.secret:
            canary.write_text(self.secret)
        canary.chmod(0o600 if private else 0o644)

    def _listen(self) -> None:
        self._tcp = socket.create_server(("", 0), backlog=64)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("", 0))
        self._listeners = {"TCP": self._tcp, "UDP": self._udp}
        for name in ("unix", "abstract"):
            listener = socket.socket(socket.AF_UNIX)
            path = str(self.temporary / "listener")
            listener.bind(path if name == "unix" else f"\0{self.prefix}-listener")
            listener.listen(64)
            self._listeners[f"{name} socket"] = listener
        os.chmod(self.temporary / "listener", 0o777)
        with suppress(OSError):  # a machine without IPv6
            port = self._tcp.getsockname()[1]
            six = socket.create_server(("::1", port), family=socket.AF_INET6)
            self._listeners["TCP over IPv6"] = six
        for listener in self._listeners.values():
            listener.setblocking(False)
            self._stack.callback(listener.close)

    def _end_victim(self) -> None:
        """End the host's waiting process, which has the secret on its command line."""
        if self._victim is not None:
            self._victim.kill()
            self._victim.communicate()
            self._victim = None


def _folders(temporary: Path) -> list[Path]:
    wanted = [temporary, Path("/dev/shm"), Path("/var/tmp"), Path.home()]
    return [folder for folder in wanted if os.access(folder, os.W_OK)]


def _state(pid: int) -> str:
    """State letter of a process: S while it sleeps."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _remove(path: str | Path) -> None:
    """Remove a path of any depth; `shutil.rmtree` recurses and cannot."""
    subprocess.run(["rm", "-rf", "--", path], check=True)


def _stat(path: Path) -> tuple[int, int, int, int]:
    status = path.stat()
    return status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns


def _own_addresses() -> list[str]:
    """Addresses of the host on its networks, found by asking which one a packet would leave by."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing (TEST-NET-1, RFC 5737)
        except OSError:
            return []
        return [probe.getsockname()[0]]
