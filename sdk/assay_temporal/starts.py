"""Arguments and results of the signing activity. Pure: workflows import it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

SIGN_ACTIVITY: Final = "assay_sign_start"
"""The activity that the plugin registers: the only place with keys."""

RUN_TOTAL: Final = timedelta(days=3)
"""Assay's own limit for a run. A shorter one would end a run before it is settled: cancel instead."""


@dataclass(frozen=True)
class StartToSign:
    """A start to sign for a workflow. ``call_id`` is the workflow's own, the same in every replay."""

    call_id: str
    request_hash: str


@dataclass(frozen=True)
class SignedStart:
    """A start that Assay accepts for five minutes: the run's ID, its signed context, its destination.

    With an ``endpoint`` it is sent there by Nexus; else to ``task_queue``, in the caller's namespace.
    """

    run_id: str
    context: str
    task_queue: str
    endpoint: str | None = None
