"""How a start is asked for: what goes into the signing activity and what comes out. Pure: workflows import it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

SIGN_ACTIVITY: Final = "assay_sign_start"
"""The activity that the plugin registers: the only place with keys."""

RUN_TOTAL: Final = timedelta(days=3)
"""Assay's own limit for a run. A shorter one would cut a run off before it is settled: cancel instead."""


@dataclass(frozen=True)
class StartToSign:
    """A start as the workflow knows it. ``call_id`` is the workflow's own, the same in every replay."""

    call_id: str
    request_hash: str


@dataclass(frozen=True)
class SignedStart:
    """A start that Assay will accept for five minutes: the run's ID, its signed context, where it goes.

    With an ``endpoint`` it goes there, by Nexus; else to ``task_queue``, in the namespace of whoever asks.
    """

    run_id: str
    context: str
    task_queue: str
    endpoint: str | None = None
