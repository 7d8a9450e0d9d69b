"""Metrics of the screening: decisions, never texts or tenants."""

from prometheus_client import CollectorRegistry, Counter

from domain.screening.verdicts import Verdict


class ScreeningMetrics:
    """Verdicts by decision, and by the detectors with findings. In monitor mode, by the suppressed decision."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register with that registry."""
        self._verdicts = Counter(
            "assay_screening_verdicts_total",
            "Verdicts on prompts and answers, by decision and mode",
            ["of", "decision", "mode"],
            registry=registry,
        )
        self._findings = Counter(
            "assay_screening_detections_total",
            "Verdicts with a finding, by detector, decision and mode",
            ["detector", "decision", "mode"],
            registry=registry,
        )

    def judged(self, of: str, verdict: Verdict) -> None:
        """Count a verdict; ``of`` is ``prompt`` or ``answer``."""
        decision, mode = verdict.judged.value, verdict.mode.value
        self._verdicts.labels(of, decision, mode).inc()
        for detector in {finding.detector for finding in verdict.findings}:
            self._findings.labels(detector, decision, mode).inc()
