"""Proof of a run's result: made when its outcome is recorded, verified where the result is read."""

from dataclasses import replace
from typing import Final

from activities.proofs.claims import Claims, InvalidProof
from activities.proofs.digests import as_recorded, digest
from assay_temporal.contracts import InferenceResult

CALLER: Final = "caller"
_RESULT: Final = "result"
_DETAILS: Final = "usage_details"


def result_claims(run_id: str, result: InferenceResult, caller: str) -> Claims:
    """Return the claims about a result and its caller's keyed hash."""
    facts = {_RESULT: digest(_shown(result)), CALLER: caller}
    details = _details(result)
    return Claims(run_id, {**facts, _DETAILS: details} if details else facts)


def require_result(claims: Claims, public_id: str, result: InferenceResult) -> None:
    """Check that the claims are about this result of this run.

    Raises:
        InvalidProof: they are not.
    """
    if result.id != public_id:
        raise InvalidProof("the result is of another run")
    if claims.facts.get(_RESULT) != digest(_shown(result)) or claims.facts.get(_DETAILS, "") != _details(result):
        raise InvalidProof("the result is not the recorded one")


def _shown(result: InferenceResult) -> InferenceResult:
    """Return what every release reads of a result: kinds of tokens have a fact of their own."""
    usage = result.usage and replace(result.usage, cached_tokens=0, cache_write_tokens=0, reasoning_tokens=0)
    return as_recorded(replace(result, worker_proof=None, usage=usage))


def _details(result: InferenceResult) -> str:
    """Return the tokens of each kind as text; empty if there are none."""
    usage = result.usage
    if usage is None:
        return ""
    counts = (usage.cached_tokens, usage.cache_write_tokens, usage.reasoning_tokens)
    return ".".join(map(str, counts)) if any(counts) else ""
