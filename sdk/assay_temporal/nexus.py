"""The Nexus service by which workflows of other namespaces ask. Pure: workflows import it."""

from dataclasses import dataclass
from typing import Any

import nexusrpc

from assay_temporal.contracts import InferenceResult


@dataclass(frozen=True)
class NexusStart:
    """A signed start, and the ID of the run that it is signed for."""

    run_id: str
    request: dict[str, Any]
    context: str


@nexusrpc.service(name="Assay")
class AssayService:
    """What Assay's workers serve at an endpoint, where an operator has made one."""

    infer: nexusrpc.Operation[NexusStart, InferenceResult]
    """One governed run, from its start to its end."""
