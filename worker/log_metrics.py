"""Metrics of the sequencer. Without labels: tenants are many, and their names confidential."""

from collections.abc import Iterator
from contextlib import contextmanager

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.sequencing.condition import LogCondition


class LogMetrics(Collector):
    """Metrics of the logs' condition for Prometheus."""

    def __init__(self, condition: LogCondition) -> None:
        """Take the condition."""
        self._condition = condition

    def collect(self) -> Iterator[Metric]:
        """Return the current metrics."""
        now = self._condition
        yield CounterMetricFamily("assay_log_sequenced", "Records added to the Merkle trees", now.sequenced)
        yield CounterMetricFamily("assay_log_checkpoints", "Tree heads signed and published", now.checkpoints)
        yield CounterMetricFamily("assay_log_refused_heads", "Tree heads for which signing failed", now.refusals)
        yield GaugeMetricFamily(
            "assay_log_refused_logs", "Logs no longer signed: rolled back or changed", len(now.refused)
        )
        yield GaugeMetricFamily(
            "assay_log_stuck_logs", "Logs with leaves beyond their heads, no longer extended", len(now.stuck)
        )
        yield CounterMetricFamily("assay_log_cosigned", "Checkpoints signed by the witness", now.cosigned)
        yield GaugeMetricFamily(
            "assay_log_unwitnessed_logs", "Logs whose checkpoints the witness rejects", len(now.unwitnessed)
        )
        yield GaugeMetricFamily("assay_log_waiting", "Records waiting to be added to a tree, up to 10,000", now.waiting)
        yield GaugeMetricFamily(
            "assay_log_oldest_waiting_seconds",
            "Age of the oldest record waiting to be added to a tree",
            now.oldest_seconds,
        )


@contextmanager
def metrics_port(port: int | None, registry: CollectorRegistry) -> Iterator[None]:
    """Serve the registry on loopback, unless there is no port."""
    if port is None:
        yield
        return
    server, thread = prometheus_client.start_http_server(port, "127.0.0.1", registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
