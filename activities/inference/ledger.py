"""Admission and closing: budgets and records, each pair in one transaction."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from temporalio import activity

from activities.contracts.results import answer_of, result_of
from activities.contracts.stages import Admission, AdmitInput, Closed, CloseInput, Problem
from activities.inference import evidence
from activities.inference.text_threads import beside_loop
from assay_temporal.contracts import InferenceResult
from domain.budgets.ports import Ledger
from domain.budgets.values import (
    AlreadyAdmitted,
    AlreadyRecorded,
    BegunCalls,
    OutcomeOfAnotherRun,
    QuotaSpent,
    RecordConflict,
    Reservation,
)
from domain.identity import recordable_id
from domain.inference.bodies.values import characters_of
from domain.inference.feed import OutcomeRecorded
from domain.inference.lost_attempts import LostAttempts
from domain.inference.models import Usage
from domain.inference.ports import RunFeed
from domain.inference.runs import Status, event_for
from domain.inference.token_estimates import estimate_tokens
from domain.ports import Clock, IdentityKeys, StatementSigner
from domain.records.records import EventKind, Record
from domain.refusals import Kind
from domain.signing_keys import RECEIPT_KEY
from services.policies.parsed import Policies
from services.text_caches import TextCaches

_UNREPORTED = frozenset({Kind.RUN_CANCELLED.value, Kind.RUN_TERMINATED.value, Kind.UNPROVEN_STAGE.value})
_GIVEN = frozenset({Status.COMPLETED, Status.BLOCKED, Status.REFUSED})  # the others fail or cancel the workflow
RECEIPT_TYPE = "assay-receipt+jwt"


@dataclass(frozen=True, slots=True)
class ReceiptTerms:
    """Terms of receipts: a record enters the log ``log_name/tenant`` within the maximum merge delay."""

    log_name: str = "assay.local"
    seconds: int = 60


class LedgerActivities:
    """Admission before any model call, and closing before any answer."""

    def __init__(
        self,
        ledger: Ledger,
        policies: Policies,
        identities: IdentityKeys,
        signer: StatementSigner,
        clock: Clock,
        feed: RunFeed[InferenceResult],
        terms: ReceiptTerms | None = None,
        caches: TextCaches | None = None,
    ) -> None:
        """Take the ports. Each result about to be returned by the workflow goes to ``feed`` once recorded."""
        self._ledger = ledger
        self._policies = policies
        self._identities = identities
        self._signer = signer
        self._clock = clock
        self._feed = feed
        self._terms = terms or ReceiptTerms()
        self._caches = caches or TextCaches(0, b"")

    @activity.defn
    async def admit_request(self, stage: AdmitInput) -> Admission:
        """Reserve the maximum cost of the request, and record its admission; once a workflow ID."""
        run, request = stage.run, stage.request
        policy = await self._policies.get(run.policy)
        cache = self._caches.of(run.tenant, run.caller, run.policy)
        length = characters_of(stage.original)
        tokens = await beside_loop(length, estimate_tokens, request, cache) + request.max_tokens
        event = evidence.event_of(run, evidence.ADMISSION)
        key = await self._identities.tenant_key(run.tenant)
        made = evidence.commitments(key, event, stage.original, None)
        fields = evidence.admission_fields(stage, tokens, made)
        record = Record(
            event_id=event,
            tenant=run.tenant,
            kind=EventKind.ADMITTED,
            recorded_at=self._clock.now(),
            fields=fields,
            sealed=evidence.sealed(stage.submitter, request),
            workflow_id=run.workflow_id,
            run_id=run.run_id,
        )
        reservation = Reservation(
            reservation_id=evidence.event_of(run, evidence.RESERVATION),
            tenant=run.tenant,
            caller=run.caller,
            tokens=tokens,
            daily_limit=policy.for_tenant(run.tenant).daily_tokens,
        )
        admitted = await self._ledger.admit(reservation, record)
        match admitted:
            case QuotaSpent():
                return Admission(problem=_spent(tokens, admitted))
            case AlreadyAdmitted():
                return Admission(problem=_another(Kind.ALREADY_ADMITTED, "is admitted", admitted.run_id))
            case AlreadyRecorded():
                return Admission(problem=_another(Kind.ALREADY_RECORDED, "has its outcome", admitted.run_id))
        return Admission(reserved_tokens=tokens)

    @activity.defn
    async def close_request(self, end: CloseInput) -> Closed:
        """Settle the used tokens or release them, record the outcome, and sign the receipt."""
        run = end.run
        reservation = evidence.event_of(run, evidence.RESERVATION) if end.admitted else None
        if reservation is not None and (end.lost is not None or end.reply is None):
            end = charged(end, await self._ledger.begun_calls(reservation, run.tenant))
        event = evidence.event_of(run, evidence.OUTCOME)
        key = await self._identities.tenant_key(run.tenant)
        answer = evidence.written(end.reply.content) if end.reply else None
        given = evidence.written(answer_of(end, end.reply)) if end.reply else None
        made = evidence.commitments(key, event, end.original, given)
        fields = evidence.outcome_fields(end, made)
        record = Record(
            event_id=event,
            tenant=run.tenant,
            kind=event_for(Status(end.status)),
            recorded_at=self._clock.now(),
            fields=fields,
            sealed=evidence.sealed(end.submitter, end.request, answer),
            workflow_id=recordable_id(run.workflow_id),
            run_id=run.run_id,
        )
        signed: dict[bytes, str] = {}

        async def sign(digest: bytes) -> None:
            claims = _claims(record, digest, made, self._terms, fields.carriers)
            signed[digest] = await self._signer.sign(RECEIPT_KEY, RECEIPT_TYPE, claims)

        try:
            stored = await self._ledger.close(reservation, _spent_tokens(end), record, sign)
        except RecordConflict as conflict:
            activity.logger.warning("adopting the outcome that was recorded first", extra={"recorded": conflict.kind})
            before = conflict.recorded.run_id if isinstance(conflict, OutcomeOfAnotherRun) else run.run_id
            return Closed(conflict.kind, str(conflict.event_id), adopted_from=before)
        if stored.digest not in signed:  # a repeat: the log has an earlier attempt's record
            await sign(stored.digest)
        closed = Closed(end.status, str(event), stored.digest.hex(), signed[stored.digest], made.openings)
        if Status(end.status) in _GIVEN:
            self._feed.publish(run.workflow_id, OutcomeRecorded(result_of(end, closed, end.reply), run.caller))
            await asyncio.sleep(0)  # a waiter in this process is answered before the run completes
        return closed


def _another(kind: Kind, state: str, run_id: str) -> Problem:
    activity.logger.warning("not admitted again", extra={"refusal": kind.value, "run": run_id})
    return Problem(kind.value, f"the run {run_id} of this ID {state}")


def charged(end: CloseInput, begun: BegunCalls) -> CloseInput:
    """Return the end with the charge that its calls can have caused.

    Once a call began, a run that ends without an answer or a worker's word is charged its prompt at least. No more
    attempts are lost than began, and each is charged the reservation at most.
    """
    if end.lost is not None:
        most = max(0, begun.calls - (end.usage is not None))
        lost = LostAttempts(min(end.lost.attempts, begun.calls), 0, min(end.lost.tokens, most * begun.tokens))
        end = replace(end, lost=lost if lost.attempts else None)
    unreported = end.problem is not None and end.problem.kind in _UNREPORTED
    if begun.calls and unreported and end.usage is None and end.lost is None:
        answer = end.request.max_tokens if end.request is not None else 0
        end = replace(end, usage=Usage(max(0, begun.tokens - answer), 0, estimated=True))
    return end


def _spent_tokens(end: CloseInput) -> int:
    """Return the tokens to charge: of the answer, and of attempts that may have been paid for."""
    return (end.usage.total if end.usage else 0) + (end.lost.tokens if end.lost else 0)


def _spent(tokens: int, spent: QuotaSpent) -> Problem:
    left = max(0, spent.quota.limit - spent.quota.used - spent.quota.reserved)
    return Problem(
        Kind.QUOTA_SPENT.value,
        f"the request may need {tokens} tokens; {left} of {spent.quota.limit} remain today (UTC)",
        retry_after=spent.quota.resets_in,
    )


def _claims(
    record: Record, digest: bytes, made: evidence.Commitments, terms: ReceiptTerms, carriers: tuple[str, ...]
) -> dict[str, Any]:
    """Return the claims of a receipt. Without a time: the record's digest covers it, and a repeat signs the same."""
    return {
        "iss": "urn:assay",
        "jti": str(record.event_id),
        "sub": record.workflow_id,
        "run": record.run_id,
        "tenant": record.tenant,
        "outcome": record.kind.value,
        "record_digest": digest.hex(),
        "log": f"{terms.log_name}/{record.tenant}",
        "within": terms.seconds,
        "prompt_commitment": made.prompt.digest if made.prompt else None,
        "answer_commitment": made.answer.digest if made.answer else None,
        **({"carriers": list(carriers)} if carriers else {}),
    }
