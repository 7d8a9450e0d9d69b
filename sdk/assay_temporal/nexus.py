"""Nexus service for workflows of other namespaces. Pure: workflows import it."""

from dataclasses import dataclass
from typing import Any

import nexusrpc

from assay_temporal.contracts import InferenceResult


@dataclass(frozen=True)
class NexusStart:
    """A signed start, and the ID of its run."""

    run_id: str
    request: dict[str, Any]
    context: str


@nexusrpc.service(name="Assay")
class AssayService:
    """Service of Assay's workers at a Nexus endpoint, if an operator has created one."""

    infer: nexusrpc.Operation[NexusStart, InferenceResult]
    """Run one governed inference from start to end."""
