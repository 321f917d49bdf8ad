"""What the service measures of itself, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


@dataclass(frozen=True)
class Backlog:
    """What waits in the database.

    :param loops: human loops by status, deleted ones left out.
    :param open_tasks: answers that could be given now.
    :param outbox_depth: deliveries owed.
    :param outbox_age: seconds since the oldest of them was owed.
    :param dead_letters: deliveries given up.
    """

    loops: dict[str, int]
    open_tasks: int
    outbox_depth: int
    outbox_age: float
    dead_letters: int


class BacklogReader(Protocol):
    """Reads the backlog when somebody scrapes."""

    def __call__(self) -> Backlog: ...


class Metrics:
    """The metrics of one process; the backlog is the same in every process of an installation."""

    def __init__(self, read_backlog: BacklogReader) -> None:
        self._registry = CollectorRegistry()
        self._read_backlog = read_backlog
        self.claim = self._histogram("claim", "Seconds that a claim took.")
        self.submit = self._histogram("submit", "Seconds that a submission took.")
        self.api = Histogram(
            "review_desk_api_seconds",
            "Seconds that an operation of the AWS side took.",
            ["operation"],
            buckets=LATENCY_BUCKETS,
            registry=self._registry,
        )
        self.lease_expiries = Counter(
            "review_desk_lease_expiries", "Leases that ran out.", registry=self._registry
        )
        self.errors = Counter(
            "review_desk_errors",
            "Refused or failed requests of the AWS side.",
            ["code"],
            registry=self._registry,
        )
        self._registry.register(self)

    def exposition(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Read the gauges; called by the registry."""
        backlog = self._read_backlog()
        loops = GaugeMetricFamily("review_desk_human_loops", "Human loops by status.", labels=["status"])
        for status, count in backlog.loops.items():
            loops.add_metric([status], count)
        yield loops
        for name, text, value in (
            ("open_tasks", "Answers that could be given now.", backlog.open_tasks),
            ("outbox_depth", "Outputs and events that are owed.", backlog.outbox_depth),
            ("outbox_age_seconds", "Age of the oldest output or event that is owed.", backlog.outbox_age),
            ("dead_letters", "Outputs and events that were given up.", backlog.dead_letters),
        ):
            yield GaugeMetricFamily(f"review_desk_{name}", text, value=value)

    def describe(self) -> list[Metric]:
        """Nothing to check at registration: the gauges are read when scraped."""
        return []

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(
            f"review_desk_{name}_seconds", text, buckets=LATENCY_BUCKETS, registry=self._registry
        )
