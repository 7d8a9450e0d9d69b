"""The first stage: is this start what it claims to be, and may it be asked?"""

from dataclasses import replace

from temporalio import activity

from activities.policies import Policies
from activities.stages import Problem, Run, Submitter, Validated, ValidateInput, problem_of
from assay_temporal import start_context
from assay_temporal.keyring import KeyRing
from domain.identity import tenant_of_run
from domain.principals import SYSTEM_TENANT, Action, known_roles, require_action
from domain.refusals import Kind, Refusal
from domain.requests import parse_request, request_hash


class ValidationActivities:
    """Verifies the signed context and reads the request again, under the policy that the run is pinned to."""

    def __init__(self, keyring: KeyRing, policies: Policies) -> None:
        self._keyring = keyring
        self._policies = policies

    @activity.defn
    async def validate_request(self, start: ValidateInput) -> Validated:
        """Trust nothing but what the context proves. Refusals are results; only an absent store or Vault raises."""
        stranger = Run(SYSTEM_TENANT, "", start.workflow_id, start.run_id, start.started_ms, "", "")
        try:
            digest = request_hash(start.request)
            context = await start_context.verify(
                start.context,
                self._keyring,
                workflow_id=start.workflow_id,
                request_hash=digest,
                started_at=start.started_ms / 1000,
            )
        except Refusal as refusal:
            return Validated(stranger, problem=problem_of(refusal))
        except start_context.ExpiredContext as error:
            return Validated(stranger, problem=_untrusted(Kind.EXPIRED_CONTEXT, str(error)))
        except start_context.InvalidContext as error:
            return Validated(stranger, problem=_untrusted(Kind.INVALID_CONTEXT, str(error)))
        if tenant_of_run(start.workflow_id) != context.tenant:
            return Validated(stranger, problem=_untrusted(Kind.INVALID_CONTEXT, "made for another tenant's run"))
        run = Run(
            tenant=context.tenant,
            caller=context.caller,
            workflow_id=start.workflow_id,
            run_id=start.run_id,
            started_ms=start.started_ms,
            policy=context.policy,
            request_hash=digest,
        )
        submitter = Submitter(context.subject, context.client_id, context.roles)
        try:
            return await self._read(start, run, submitter)
        except Refusal as refusal:
            if refusal.kind in (Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE):
                raise
            return Validated(run, submitter, problem=problem_of(refusal))

    async def _read(self, start: ValidateInput, run: Run, submitter: Submitter) -> Validated:
        policy = await self._policies.get(run.policy)
        require_action(known_roles(submitter.roles), Action.SUBMIT)
        request = parse_request(start.request, policy.limits)
        policy.model(run.tenant, request.model)
        fallbacks = policy.fallbacks(run.tenant, request.model)
        return Validated(run, submitter, replace(request, messages=()), fallbacks)


def _untrusted(kind: Kind, reason: str) -> Problem:
    activity.logger.warning("start refused", extra={"refusal": kind.value, "reason": reason})
    return Problem(kind.value, f"the start's signed context does not hold: {reason}")
