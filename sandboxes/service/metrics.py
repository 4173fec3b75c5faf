"""Metrics of the service in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from envgym.sandboxes.pool.stats import BOUNDS_S, PoolStats

_NOW = ("warm", "leased", "making", "waiting")
_EVER = ("leased_in_all", "hits", "made", "failed", "dead", "expired", "refused")
_SECONDS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


class Metrics:
    """Metrics in a registry of their own, so that several services may share a process.

    Args:
        pool: Returns the pool's current counts.
        running, sandboxes, sessions: Return current numbers.
    """

    def __init__(
        self,
        pool: Callable[[], PoolStats],
        running: Callable[[], int],
        boxes: Callable[[], int],
        sessions: Callable[[], int],
    ) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "envgym_sandbox_requests",
            "Requests answered, by operation and HTTP status.",
            ("operation", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "envgym_sandbox_request_seconds",
            "Seconds until a request was answered.",
            ("operation",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.outcomes = Counter(
            "envgym_sandbox_outcomes",
            "Programs run, by outcome.",
            ("outcome",),
            registry=self._registry,
        )
        self.vanished = Counter(
            "envgym_sandbox_vanished_clients",
            "Clients that went away before their answer.",
            registry=self._registry,
        )
        for name, what, count in (
            ("requests_in_progress", "Requests in progress.", running),
            ("boxes", "Boxes held by clients.", boxes),
            ("sessions", "Sessions in them.", sessions),
        ):
            gauge = Gauge(f"envgym_sandbox_{name}", what, registry=self._registry)
            gauge.set_function(count)
        self._registry.register(_PoolCollector(pool))

    def text(self) -> bytes:
        """All metrics as text."""
        return generate_latest(self._registry)


class _PoolCollector(Collector):
    def __init__(self, measure: Callable[[], PoolStats]) -> None:
        self._measure = measure

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily]:
        stats = self._measure()
        now = GaugeMetricFamily("envgym_sandbox_pool_boxes", "Boxes, and waits.", labels=["state"])
        for name in _NOW:
            now.add_metric([name], getattr(stats, name))
        yield now
        ever = CounterMetricFamily("envgym_sandbox_pool_events", "Events.", labels=["event"])
        for name in _EVER:
            ever.add_metric([name], getattr(stats, name))
        yield ever
        buckets, count = [], 0
        bounds = [*map(str, BOUNDS_S), "+Inf"]
        for bound, more in zip(bounds, stats.waits.counts, strict=True):
            count += more
            buckets.append((bound, count))
        waits = HistogramMetricFamily(
            "envgym_sandbox_pool_wait_seconds", "Seconds waited for a sandbox."
        )
        waits.add_metric([], buckets, stats.waits.total)
        yield waits
