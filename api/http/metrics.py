"""Metrics of the HTTP edge. Labels are route templates, statuses and kinds, never callers or content."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Metrics of the process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "assay_http_requests_total",
            "Responses by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "assay_http_request_seconds", "Response time", ["route"], buckets=_BUCKETS, registry=self.registry
        )
        self.refusals = Counter(
            "assay_refusals_total", "Requests refused before a run started, by kind", ["kind"], registry=self.registry
        )
        self.edge_dropped = Counter(
            "assay_edge_records_dropped_total",
            "Refusals that could not be recorded, by reason",
            ["reason"],
            registry=self.registry,
        )
        self.joined = Counter(
            "assay_requests_joined_total",
            "Requests that repeat an earlier one and get its run",
            registry=self.registry,
        )
        self.payloads_refused = Counter(
            "assay_payloads_refused_total", "Temporal payloads that failed authentication", registry=self.registry
        )
