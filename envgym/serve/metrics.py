"""Metrics of the server, in Prometheus' own library and format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_STEP_S = (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0)


class Metrics:
    """Metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.sessions = Gauge("envgym_sessions", "Sessions open now", registry=self._registry)
        self.capacity = Gauge("envgym_capacity", "Most sessions at once", registry=self._registry)
        self.opened = Counter("envgym_sessions_opened", "Sessions begun", registry=self._registry)
        self.refused = Counter(
            "envgym_refused", "Requests refused, by reason", ["reason"], registry=self._registry
        )
        self.episodes = Counter("envgym_episodes", "Episodes begun", registry=self._registry)
        self.errors = Counter(
            "envgym_errors", "Errors answered, by class and kind", ["kind"], registry=self._registry
        )
        self.vanished = Counter(
            "envgym_vanished", "Sessions whose client went without a word", registry=self._registry
        )
        self.step_s = Histogram(
            "envgym_step_seconds", "Time of a step", buckets=_STEP_S, registry=self._registry
        )

    def text(self) -> bytes:
        """Format all metrics as Prometheus text."""
        return generate_latest(self._registry)
