"""Evidence that a worker made a run's result. A workflow's result alone proves nothing: others can complete it, too."""

from dataclasses import dataclass
from typing import Any

import structlog
from temporalio.client import WorkflowFailureError
from temporalio.converter import value_to_type
from temporalio.exceptions import ApplicationError

from activities.proofs import claims as proofs
from activities.proofs.claims import Claims, InvalidProof
from activities.proofs.results import CALLER, require_result
from api.inference.receipt_results import UNREADABLE, covered_result
from assay_temporal.contracts import InferenceResult, ProblemDetail
from assay_temporal.keyring import KeyRing
from domain.inference.runs import Status
from domain.ports import SignatureChecks, StatementSigner
from domain.refusals import Kind, Nature
from domain.signing_keys import RECEIPT_KEY
from services.verification.receipts import ReceiptInvalid

_UNPROVEN = "the run ended with a result that no worker of this service made"
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProvenResult:
    """A run's result, and the keyed hash of its caller; None if that is unknown."""

    result: InferenceResult
    caller: str | None = None


class ResultProofs:
    """Verification of the results of workflows."""

    def __init__(self, keyring: KeyRing, namespace: str, signer: StatementSigner, signatures: SignatureChecks) -> None:
        """Take the ports. The last two verify receipts, for runs of releases without proofs."""
        self._keyring = keyring
        self._namespace = namespace
        self._signer = signer
        self._signatures = signatures

    async def of_result(self, public_id: str, result: InferenceResult | None) -> ProvenResult:
        """Return a workflow's result as far as it is proven, and otherwise a failure.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
            KeyUnavailable: the key store is unavailable.
        """
        if result is None:
            return _unproven(public_id, "unreadable")
        try:
            if result.worker_proof is None:
                keys = await self._signer.public_keys(RECEIPT_KEY)
                jwks = {"keys": list(keys.values())}
                return ProvenResult(covered_result(public_id, result, self._signatures, jwks))
            known = await proofs.read(result.worker_proof, self._namespace, public_id, self._keyring)
            _require_result(known, public_id, result)
        except (InvalidProof, ReceiptInvalid) as error:
            return _unproven(public_id, str(error))
        return ProvenResult(result, known.facts.get(CALLER))

    async def of_failure(self, public_id: str, error: WorkflowFailureError) -> ProvenResult:
        """Return the result in a workflow's failure.

        Raises:
            WorkflowFailureError: the same, for a fault without a result.
            Refusal, KeyUnavailable: as above.
        """
        cause = error.cause
        if not isinstance(cause, ApplicationError):
            raise error
        given = cause.details[0] if cause.details else None
        if not isinstance(given, dict):
            if cause.type in _FAULTS:
                raise error
            return _unproven(public_id, "a failure without a result")
        found = await self.of_result(public_id, _read(given))
        if found.result.status != Status.FAILED.value:
            return _unproven(public_id, "a failure with another status")
        return found


_FAULTS = frozenset(kind.value for kind in Kind if kind.nature is Nature.FAULT)


def _read(given: dict[str, Any]) -> InferenceResult | None:
    try:
        result: InferenceResult = value_to_type(InferenceResult, given)
    except UNREADABLE:
        return None
    return result


def _require_result(known: Claims, public_id: str, result: InferenceResult) -> None:
    try:
        require_result(known, public_id, result)
    except UNREADABLE:
        raise InvalidProof("the result is malformed") from None


def _unproven(public_id: str, reason: str) -> ProvenResult:
    log.warning("run.result_unproven", run=public_id, reason=reason)
    problem = ProblemDetail(Kind.UNPROVEN_STAGE.value, _UNPROVEN)
    return ProvenResult(InferenceResult(public_id, Status.FAILED.value, None, problem=problem))
