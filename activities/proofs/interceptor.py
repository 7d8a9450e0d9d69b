"""Interceptor that requires a proof of the stages before each, and adds its own.

See decision 44. Whoever reaches the task queue can schedule an activity with any argument; a stage believes only what a
worker has proven for the very run that it executes in.
"""

from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.contracts import names, reconciliation
from activities.contracts.call_failures import CallFailure
from activities.contracts.results import result_of
from activities.contracts.stages import Closed, CloseInput, ProvenVerdict, Validated, ValidateInput
from activities.failure_interceptor import as_failure
from activities.failures import failure_for
from activities.proofs import claims as proofs
from activities.proofs.claims import Claims, InvalidProof, ProofPlace
from activities.proofs.digests import as_recorded
from activities.proofs.outcomes import require_bare, require_outcome
from activities.proofs.results import result_claims
from activities.proofs.rules import FAILED, RULES, failed_call
from activities.proofs.sweep import STEPS, facts_of_step, require_step, sweep_place
from assay_temporal.contracts import WORKFLOW
from assay_temporal.keyring import DataKey, KeyRing, KeyUnavailable
from domain.access.principals import SYSTEM_TENANT
from domain.inference.ports import RunAncestry
from domain.refusals import Kind, Refusal
from domain.screening.verdicts import Verdict
from services.refusals.stage_refusals import RefusedStage, StageRefusals

_STAGES: Final = MappingProxyType({stage.name: stage for stage in names.ALL})


class _Proving(ActivityInboundInterceptor):
    def __init__(
        self,
        next: ActivityInboundInterceptor,  # noqa: A002 - Temporal's name
        keyring: KeyRing,
        ancestry: RunAncestry,
        refusals: StageRefusals,
    ) -> None:
        super().__init__(next)
        self._keyring = keyring
        self._ancestry = ancestry
        self._refusals = refusals

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - Temporal's signature
        info = activity.info()
        if info.activity_type not in _STAGES and info.activity_type not in STEPS:
            return await super().execute_activity(input)
        given = input.args[0] if input.args else None
        try:
            if info.activity_type in STEPS:
                place = sweep_place(info)
                known = await self._swept(place, info.activity_type, given)
            else:
                place = _place(info, given)
                known = await self._known(place, info.activity_type, given)
            key = await self._keyring.current(SYSTEM_TENANT)  # before the work: its result must not be lost
        except InvalidProof as error:
            raise await self._refused(info, str(error)) from None
        except (Refusal, KeyUnavailable) as error:
            raise as_failure(error) from None
        if info.activity_type in STEPS:
            made = await super().execute_activity(input)
            facts = facts_of_step(given, as_recorded(made), known)
            return replace(made, proof=proofs.write(Claims(place.run_id, facts), place, key)) if facts else made
        try:
            made = await super().execute_activity(input)
        except ApplicationError as failure:
            raise _proven_failure(failure, known, place, key) from failure
        return _proven(info.activity_type, given, made, known, place, key)

    async def _known(self, place: ProofPlace, stage: str, given: Any) -> Claims:  # noqa: ANN401 - any stage's argument
        """Return the facts that an argument's proof establishes, once the stage's requirements are met."""
        if stage == names.VALIDATE_REQUEST.name:
            return Claims(place.run_id)
        if isinstance(given, CloseInput) and given.proof is None:
            require_bare(given)
            return Claims(place.run_id)
        known = await proofs.read(given.proof, place.namespace, place.workflow_id, self._keyring)
        if known.run_id != place.run_id and not await self._ancestry.descends(
            place.workflow_id, place.run_id, known.run_id
        ):
            raise InvalidProof("the proof is of another run")
        if isinstance(given, CloseInput):
            require_outcome(given, known)
        else:
            RULES[stage].require(given, known)
        return known

    async def _swept(self, place: ProofPlace, step: str, given: Any) -> Claims:  # noqa: ANN401 - any step's argument
        """Return the facts of the steps before. The first step needs none: it reads all that it returns."""
        if not isinstance(given, STEPS[step].takes):
            raise InvalidProof("the argument can't be read")
        if step == reconciliation.BEGIN_LOOK.name:
            return Claims(place.run_id)
        known = await proofs.read(given.proof, place.namespace, place.workflow_id, self._keyring)
        require_step(given, known)
        return known

    async def _refused(self, info: activity.Info, reason: str) -> ApplicationError:
        """Record a refusal; return it as a failure, or the failure to record it."""
        activity.logger.warning("stage refused", extra={"reason": reason})
        refused = RefusedStage(info.activity_type, info.workflow_id, info.workflow_run_id, info.activity_id)
        try:
            await self._refusals.record(refused)
        except (Refusal, KeyUnavailable) as error:
            return as_failure(error)
        return failure_for(Kind.UNPROVEN_STAGE, retryable=False)


def _place(info: activity.Info, given: Any) -> ProofPlace:  # noqa: ANN401 - any argument
    """Return the place of execution, if it is the run that the argument names."""
    if info.workflow_id is None or info.workflow_run_id is None:
        raise InvalidProof("not scheduled by a workflow")
    if info.workflow_type != WORKFLOW:
        raise InvalidProof("scheduled by another type of workflow")
    if not isinstance(given, _STAGES[info.activity_type].takes):
        raise InvalidProof("the argument can't be read")
    run = given if isinstance(given, ValidateInput) else given.run
    if run.workflow_id != info.workflow_id:
        raise InvalidProof("the argument names another workflow")
    unproven = isinstance(given, ValidateInput) or given.proof is None
    if unproven and run.run_id != info.workflow_run_id:
        raise InvalidProof("the argument names another run")
    return ProofPlace(info.namespace, info.workflow_id, info.workflow_run_id)


def _proven(stage: str, given: Any, made: Any, known: Claims, place: ProofPlace, key: DataKey) -> Any:  # noqa: ANN401
    """Return a stage's result with its proof."""
    if isinstance(made, Closed):
        shown = result_claims(place.run_id, result_of(given, made, given.reply), given.run.caller)
        return replace(made, proof=proofs.write(shown, place, key))
    recorded = as_recorded(made)
    facts = known.without(FAILED).plus(RULES[stage].facts(given, recorded, known))
    if isinstance(made, Verdict):
        return ProvenVerdict.of(made, proofs.write(facts, place, key))
    if isinstance(made, Validated) and made.request is not None:
        facts = replace(facts, models=(made.request.model, *made.fallbacks))
    return replace(made, proof=proofs.write(facts, place, key))


def _proven_failure(failure: ApplicationError, known: Claims, place: ProofPlace, key: DataKey) -> ApplicationError:
    """Return a stage's failure with the proof of its kind as the last detail."""
    call = next((found for found in failure.details if isinstance(found, CallFailure)), None)
    facts = {FAILED: failure.type or Kind.INTERNAL.value, **(failed_call(known, as_recorded(call)) if call else {})}
    proof = proofs.write(known.plus(facts), place, key)
    return ApplicationError(
        failure.message,
        *failure.details,
        proof,
        type=failure.type,
        non_retryable=failure.non_retryable,
        next_retry_delay=failure.next_retry_delay,
        category=failure.category,
    )


class ProvenStages(Interceptor):
    """Runs the stages of a worker on proof alone. The first of its interceptors: failures are proven, too."""

    def __init__(self, keyring: KeyRing, ancestry: RunAncestry, refusals: StageRefusals) -> None:
        """Take Assay's keys, the origin of runs that were reset, and the record of refusals."""
        self._keyring = keyring
        self._ancestry = ancestry
        self._refusals = refusals

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - theirs
        """See ``temporalio.worker.Interceptor``."""
        return _Proving(next, self._keyring, self._ancestry, self._refusals)
