"""Fresh isolated Python runs a second, REPLs and boxes, beside other ways to run untrusted code.

All sides run the same programs (`programs.py`) on the same interpreter: plain processes and peers
start the one that the peers are installed in, ours forks the one that envgym runs on. A side's note
says whether it isolates; one that this machine cannot have is reported with the reason.
"""

from __future__ import annotations

from benchmarks.harness import OURS, Bench, Side

BENCH = Bench(
    "sandbox",
    sides=(
        Side(OURS, "sandbox/ours.py", note="isolated; a new box for each run"),
        Side(
            "subprocess",
            "sandbox/peer_process.py",
            ("subprocess",),
            "not isolated; python -I -c",
        ),
        Side(
            "subprocess_bare",
            "sandbox/peer_process.py",
            ("subprocess_bare",),
            "not isolated; python -I -S -c, which finds no installed package",
        ),
        Side(
            "bubblewrap",
            "sandbox/peer_process.py",
            ("bubblewrap",),
            "isolated: new namespaces for each run, no limits, no seccomp; bwrap … python -I -c",
        ),
        Side(
            "docker_exec",
            "sandbox/peer_docker.py",
            note="isolated; runs share one container, by docker-py",
        ),
        Side(
            "gem",
            "sandbox/peer_gem.py",
            ("bwrap",),
            "isolated: run_python's bubblewrap, without limits",
        ),
        Side(
            "gem_none",
            "sandbox/peer_gem.py",
            ("none",),
            "not isolated: run_python's default, which looks for forbidden words",
        ),
        Side(
            "verifiers",
            "sandbox/peer_verifiers.py",
            ("subprocess",),
            "not isolated: the subprocess runtime",
        ),
        Side(
            "verifiers_docker",
            "sandbox/peer_verifiers.py",
            ("docker",),
            "isolated, with network; runs share one container",
        ),
        Side(
            "inspect",
            "sandbox/peer_inspect.py",
            note="not isolated: the local sandbox (the docker one wants Compose 2)",
        ),
        Side(
            "swerex",
            "sandbox/peer_swerex.py",
            note="not isolated: the local runtime, which its containers run too",
        ),
    ),
    requirements=(
        "gem-llm==0.1.0 verifiers==0.4.0 inspect-ai==0.3.285 swe-rex==1.4.0 docker==7.2.0",
    ),
    rounds=3,
)
