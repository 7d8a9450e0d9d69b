"""Waiting longer after each failure: the SDK's."""

from assay_temporal.backoff import Backoff

__all__ = ["Backoff"]
