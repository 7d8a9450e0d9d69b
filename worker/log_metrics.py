"""What the sequencer counts. Without labels: tenants are many, and their names are nobody's business."""

from collections.abc import Iterator
from contextlib import contextmanager

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.sequencing.condition import LogCondition


class LogMetrics(Collector):
    """The condition of the logs as Prometheus reads it."""

    def __init__(self, condition: LogCondition) -> None:
        """Take the condition."""
        self._condition = condition

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        now = self._condition
        yield CounterMetricFamily("assay_log_sequenced", "Records moved into the trees", now.sequenced)
        yield CounterMetricFamily("assay_log_checkpoints", "Heads signed and published", now.checkpoints)
        yield CounterMetricFamily("assay_log_refused_heads", "Times that a head was refused a signature", now.refusals)
        yield GaugeMetricFamily("assay_log_refused_logs", "Logs that are not signed any more", len(now.refused))
        yield GaugeMetricFamily(
            "assay_log_stuck_logs", "Logs with leaves beyond their heads: they don't grow", len(now.stuck)
        )
        yield CounterMetricFamily("assay_log_cosigned", "Checkpoints that the witness signed", now.cosigned)
        yield GaugeMetricFamily(
            "assay_log_unwitnessed_logs", "Logs whose checkpoints the witness does not take", len(now.unwitnessed)
        )
        yield GaugeMetricFamily("assay_log_waiting", "Records that wait for the trees, up to 10,000", now.waiting)
        yield GaugeMetricFamily(
            "assay_log_oldest_waiting_seconds", "For how long the oldest of them does", now.oldest_seconds
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
