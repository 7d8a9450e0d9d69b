"""Proof of a run's result: made when its outcome is recorded, verified where the result is read."""

from dataclasses import replace
from typing import Final

from activities.proofs.claims import Claims, InvalidProof
from activities.proofs.digests import as_recorded, digest
from assay_temporal.contracts import InferenceResult

CALLER: Final = "caller"
_RESULT: Final = "result"


def result_claims(run_id: str, result: InferenceResult, caller: str) -> Claims:
    """Return the claims about a result and its caller's keyed hash."""
    return Claims(run_id, {_RESULT: digest(as_recorded(replace(result, worker_proof=None))), CALLER: caller})


def require_result(claims: Claims, public_id: str, result: InferenceResult) -> None:
    """Check that the claims are about this result of this run.

    Raises:
        InvalidProof: they are not.
    """
    if result.id != public_id:
        raise InvalidProof("the result is of another run")
    if claims.facts.get(_RESULT) != digest(as_recorded(replace(result, worker_proof=None))):
        raise InvalidProof("the result is not the recorded one")
