"""Targets of the benchmark's timers: the product itself has none.

Each probe replaces an attribute by a timed one, in the profiled process only. A test compares them with the code: a
probe without its target fails there.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from temporalio import activity

from benchmarks.tools.spans import Label, Recorder

ROOT = "request"
WAIT = "wait for the outcome"
_POST = "POST"
_PATH = "/v1/inferences"


def _only_submissions(arguments: Sequence[Any]) -> str:
    scope = arguments[1]
    return ROOT if scope.get("method") == _POST and scope.get("path") == _PATH else ""


def _stage(_: Sequence[Any]) -> str:
    return activity.info().activity_type


@dataclass(frozen=True, slots=True)
class Probe:
    """A function: its module, its name there (``Class.method`` or ``function``), and its label in the table."""

    module: str
    name: str
    label: Label
    count: bool = False

    def place(self) -> tuple[Any, str]:
        """Return the owner of the function, and its attribute name.

        Raises:
            AttributeError, ModuleNotFoundError: it does not exist (any more).
        """
        holder: Any = importlib.import_module(self.module)
        *outer, last = self.name.split(".")
        for part in outer:
            holder = getattr(holder, part)
        getattr(holder, last)
        return holder, last


PROBES = (
    Probe("api.http.middleware", "RequestFrame.__call__", _only_submissions),
    Probe("adapters.tokens.access_tokens", "JwtVerifier.verify", "authenticate"),
    Probe("adapters.postgres.requests.rates", "PostgresRates.take", "rate"),
    Probe("api.inference.runs", "Runs.start", "start the run"),
    Probe("api.inference.runs", "Runs.wait", WAIT),
    Probe("assay_temporal.start_context", "sign", "sign the start"),
    Probe("temporalio.client", "Client.start_workflow", "StartWorkflow"),
    Probe("activities.failure_interceptor", "_FailingByKind.execute_activity", _stage),
    Probe("temporalio.worker._workflow", "_WorkflowWorker._create_workflow_instance", "load the workflow"),
    Probe("temporalio.worker._workflow", "_RunningWorkflow.activate", "run workflow code"),
    Probe("adapters.postgres.pool", "PostgresPool.fetch", "PostgreSQL"),
    Probe("assay_temporal.vault.session", "VaultSession._call", "Vault"),
    Probe("adapters.postgres.encryption.encrypter", "RecordEncrypter.seal", "seal the record"),
    Probe("adapters.models.provider", "HttpProvider.complete", "call the model"),
    Probe("assay_temporal.codec", "EncryptingCodec.encode", "encrypt payloads", count=True),
    Probe("assay_temporal.codec", "EncryptingCodec.decode", "decrypt payloads", count=True),
)


def place_all(recorder: Recorder) -> None:
    """Install every probe, before anything takes a reference to the replaced functions."""
    for probe in PROBES:
        holder, name = probe.place()
        setattr(holder, name, recorder.wrap(getattr(holder, name), probe.label, count=probe.count))
