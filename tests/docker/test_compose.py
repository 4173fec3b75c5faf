"""The stack's file says of every service what keeps it in, and both Compose versions read it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from envgym.cli import app
from tests.machine import need

ROOT = Path(__file__).resolve().parents[2]
STACK = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
OURS = ["sandbox", "envserver", "search", "web"]


def test_the_services_are_those_that_are_documented() -> None:
    assert list(SERVICES) == [*OURS, "vllm-cpu", "vllm-gpu"]
    assert SERVICES["vllm-cpu"]["profiles"] == ["vllm-cpu"]
    assert SERVICES["vllm-gpu"]["profiles"] == ["gpu"]
    assert all("profiles" not in SERVICES[name] for name in OURS)
    page = (ROOT / "docs/stack.md").read_text()
    assert all(f"`{name}`" in page for name in SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_closed(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "no-new-privileges:true" in service["security_opt"]
    assert not any("unconfined" in option for option in service["security_opt"])
    assert service["user"] == "10001:10001"
    assert 0 < service["pids_limit"] <= 4096
    assert service["mem_limit"] == service["memswap_limit"]
    assert service["ulimits"]["core"] == 0
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"]
    for mount in service["tmpfs"]:
        assert re.search(r":size=\d+[mg],", mount)
        assert "nosuid" in mount
        assert "nodev" in mount
    for open_door in ("privileged", "network_mode", "pid", "ipc", "devices"):
        assert open_door not in service


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_of_the_machine_is_in_a_service_but_what_it_reads(name: str) -> None:
    for volume in SERVICES[name].get("volumes", ()):
        assert volume.endswith(":ro")
        assert "docker.sock" not in volume
    for port in SERVICES[name].get("ports", ()):
        assert port.startswith("127.0.0.1:")
    secret = STACK["secrets"]["token"]["file"]
    ignored = (ROOT / ".gitignore").read_text().split()
    assert f"{Path(secret).parent}/" in ignored


def test_untrusted_code_and_pages_reach_no_network_but_their_own() -> None:
    networks = STACK["networks"]
    assert networks["exec"] == networks["web"] == {"internal": True}
    assert SERVICES["sandbox"]["networks"] == ["exec"]
    assert SERVICES["search"]["networks"] == SERVICES["web"]["networks"] == ["web"]
    masquerade = networks["front"]["driver_opts"]["com.docker.network.bridge.enable_ip_masquerade"]
    assert masquerade == "false"
    for name in OURS[2:]:
        assert "ports" not in SERVICES[name]


@pytest.mark.parametrize("name", OURS)
def test_images_are_built_upon_any_base_without_a_network(name: str) -> None:
    build = SERVICES[name]["build"]
    assert build["network"] == "none"
    assert build["args"] == {"BASE_IMAGE": "${BASE_IMAGE:-envgym/base}"}
    assert build["target"] == name
    common, *targets = re.split(r"^FROM service AS ", DOCKERFILE, flags=re.MULTILINE)
    shared = common.splitlines()
    assert "ARG BASE_IMAGE=envgym/base" in shared
    assert [line.split()[1] for line in shared if line.startswith("FROM")] == ["${BASE_IMAGE}"] * 2
    assert "USER 10001:10001" in shared
    assert any("--no-index" in line for line in shared)
    target = next(text for text in targets if text.startswith(f"{name}\n"))
    lines = [line for line in target.splitlines() if line and not line.startswith("#")]
    assert not any(line.startswith(("USER", "COPY", "RUN", "ENV")) for line in lines)
    port = next(line.split()[1] for line in lines if line.startswith("EXPOSE"))
    assert f"127.0.0.1:{port}/health" in SERVICES[name]["healthcheck"]["test"][-1]
    assert f'"{port}"' in lines[-1]
    command = re.findall(r'"([^"]+)"', "".join(lines[-2:]).partition("CMD ")[2])
    assert command[0] == "envgym"
    found: Any = typer.main.get_command(app)
    while command[1] in getattr(found, "commands", {}):
        found = found.commands[command.pop(1)]
    assert found.name == "serve"
    known = {option for parameter in found.params for option in parameter.opts}
    assert {part for part in command if part.startswith("--")} <= known


@pytest.mark.parametrize("profile", ["", "vllm-cpu", "gpu"])
def test_debians_docker_compose_reads_it(profile: str) -> None:
    compose = shutil.which("docker-compose")
    need(compose, "no docker-compose: apt-get install docker-compose")
    assert compose is not None
    chosen = ["--profile", profile] if profile else []
    secret = ROOT / STACK["secrets"]["token"]["file"]
    command = [compose, "--file", str(ROOT / "docker-compose.yml"), *chosen, "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(secret) in done.stdout
