"""The first stage: verification of the start, and of the caller's permission."""

from dataclasses import replace
from typing import Any, Final

from temporalio import activity

from activities.contracts.stages import Problem, Run, Submitter, Validated, ValidateInput, problem_of, unverified_run
from activities.inference.text_threads import beside_loop
from assay_temporal import start_context
from assay_temporal.keyring import KeyRing
from domain.access.ports import AccessDecider, TeamDirectory
from domain.access.principals import SYSTEM_TENANT, Action, AuthenticationMethod, Principal, known_roles
from domain.access.resources import Resource, ResourceKind
from domain.identity import caller_hash, earlier_attempt, epoch_ms, tenant_of_run
from domain.inference.bodies.values import characters_of
from domain.inference.context_lengths import fitting, require_fit
from domain.inference.models import carries, require_carried
from domain.inference.parsing import parse_request, request_hash
from domain.inference.ports import RunStarts
from domain.inference.requests import InferenceRequest
from domain.policy.document import Policy
from domain.ports import Clock, IdentityKeys, TextCache
from domain.refusals import Kind, Refusal
from services.policies.parsed import Policies
from services.text_caches import TextCaches

AT_ONCE_MS: Final = 2000
"""Age of a start in milliseconds up to which Temporal is not asked about it."""


class ValidationActivities:
    """Verifies the signed context and parses the request again, under the run's pinned policy."""

    def __init__(
        self,
        keyring: KeyRing,
        policies: Policies,
        identities: IdentityKeys,
        teams: TeamDirectory,
        access: AccessDecider,
        starts: RunStarts,
        clock: Clock,
        caches: TextCaches | None = None,
    ) -> None:
        """Take the ports. ``starts`` are asked about a start that is not at once."""
        self._keyring = keyring
        self._policies = policies
        self._identities = identities
        self._teams = teams
        self._access = access
        self._starts = starts
        self._clock = clock
        self._caches = caches or TextCaches(0, b"")

    @activity.defn
    async def validate_request(self, start: ValidateInput) -> Validated:
        """Validate a start; only its context is trusted. Refusals are results; only unavailable servers raise."""
        if start.cron_schedule is not None:
            return _refused(start, "started on a cron schedule")
        return await self._validate(start, ended=False)

    async def validate_ended(self, start: ValidateInput) -> Validated:
        """Validate the start of an ended run, with the engine's own start time."""
        return await self._validate(start, ended=True)

    async def _validate(self, start: ValidateInput, *, ended: bool) -> Validated:
        unverified = unverified_run(start.workflow_id, start.run_id, start.started_ms)
        try:
            digest = await beside_loop(characters_of(start.request), request_hash, start.request)
            context = await start_context.verify(
                start.context,
                self._keyring,
                workflow_id=start.workflow_id,
                request_hash=digest,
                started_at=start.started_ms / 1000,
                countersigner=SYSTEM_TENANT,
            )
        except Refusal as refusal:
            return Validated(unverified, problem=problem_of(refusal))
        except start_context.ExpiredContext as error:
            return Validated(unverified, problem=_untrusted(Kind.EXPIRED_CONTEXT, str(error)))
        except start_context.InvalidContext as error:
            return Validated(unverified, problem=_untrusted(Kind.INVALID_CONTEXT, str(error)))
        reason = _overreach(start.workflow_id, context)
        if reason is None and not ended:
            reason = await self._delayed(start, context)
        if reason is not None:
            return _refused(start, reason)
        run = Run(
            tenant=context.tenant,
            caller="",
            workflow_id=start.workflow_id,
            run_id=start.run_id,
            started_ms=start.started_ms,
            policy=context.policy,
            request_hash=digest,
        )
        submitter = Submitter(
            context.subject, context.client_id, context.roles if context.countersigned else (), context.api_key
        )
        try:
            if not context.countersigned:
                submitter = await self._team(context)
            principal = await self._principal(context, submitter)
            run = replace(run, caller=principal.caller)
            run = replace(run, policy=run.policy or await self._policies.current())
            return await self._read(start, run, submitter, principal, context.models)
        except Refusal as refusal:
            if refusal.kind in (Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE):
                raise
            return Validated(run, submitter, problem=problem_of(refusal))

    async def _delayed(self, start: ValidateInput, context: start_context.StartContext) -> str | None:
        """Return the reason to refuse a start that is not at once, or None.

        A run that has waited for a worker alone was started when it states, without a delay or a schedule.

        Raises:
            Refusal: ENGINE_UNAVAILABLE.
        """
        now_ms = epoch_ms(self._clock.now())
        if now_ms - start.started_ms <= AT_ONCE_MS and now_ms <= context.expires_at * 1000:
            return None
        found = await self._starts.start_of(start.workflow_id, start.run_id)
        if found is None or epoch_ms(found.started_at) != start.started_ms:
            return "not started at the time that the run states"
        return "started with a delay or on a schedule" if found.delay or found.cron else None

    async def _team(self, context: start_context.StartContext) -> Submitter:
        """Return the team as registered: it can't claim subject or roles itself."""
        team = await self._teams.get(context.tenant, context.client_id)
        if team is None or context.subject not in ("", team.subject):
            raise Refusal(Kind.FORBIDDEN, "no such team is registered for this tenant")
        return Submitter(team.subject, team.client_id, team.roles)

    async def _principal(self, context: start_context.StartContext, submitter: Submitter) -> Principal:
        """Return the principal authenticated by the API, or the team. Older contexts without a method mean JWT."""
        key = await self._identities.tenant_key(context.tenant)
        issuer = context.issuer if context.countersigned else None
        named = AuthenticationMethod(context.method) if context.method else AuthenticationMethod.JWT
        return Principal(
            tenant=context.tenant,
            subject=submitter.subject,
            client_id=submitter.client_id,
            roles=known_roles(submitter.roles),
            caller=caller_hash(key, context.tenant, submitter.client_id, submitter.subject, issuer=issuer),
            issuer=issuer,
            method=named if context.countersigned else AuthenticationMethod.TEAM_CONTEXT,
        )

    async def _read(
        self,
        start: ValidateInput,
        run: Run,
        submitter: Submitter,
        principal: Principal,
        models: tuple[str, ...] | None,
    ) -> Validated:
        policy = await self._policies.get(run.policy)
        resource = Resource(run.tenant, ResourceKind.RUN, run.workflow_id, _model_named(start.request))
        await self._access.require(principal, Action.SUBMIT, resource)
        cache = self._caches.of(run.tenant, run.caller, run.policy)
        length = characters_of(start.request)
        request, fallbacks = await beside_loop(length, _fitted, start.request, run, principal, policy, models, cache)
        call_seconds = tuple(policy.models[alias].timeouts.total for alias in (request.model, *fallbacks))
        return Validated(run, submitter, replace(request, messages=()), fallbacks, call_seconds=call_seconds)


def _fitted(
    body: Any,  # noqa: ANN401 - JSON
    run: Run,
    principal: Principal,
    policy: Policy,
    models: tuple[str, ...] | None,
    cache: TextCache,
) -> tuple[InferenceRequest, tuple[str, ...]]:
    """Return the request of a body, and the fallbacks that can take it.

    Raises:
        Refusal: of the body, or of the model that it asks for.
    """
    request = parse_request(body, policy.limits)
    if request.ignored and principal.method is AuthenticationMethod.TEAM_CONTEXT:
        raise Refusal(Kind.INVALID_REQUEST, "is unknown", field="ignored")
    asked = policy.model(run.tenant, request.model, models)
    require_fit(request, asked.context_tokens, "prompt" if "prompt" in body else "messages", cache)
    require_carried(request, asked)
    others = policy.fallbacks(run.tenant, request.model, models)
    able = (alias for alias in others if carries(request, policy.models[alias]))
    return request, fitting(request, able, policy.models, cache)


def _model_named(request: object) -> str | None:
    """Return the model that a request names, parsed first: callers without the right learn of no other error."""
    model = request.get("model") if isinstance(request, dict) else None
    return model if isinstance(model, str) else None


def _overreach(workflow_id: str, context: start_context.StartContext) -> str | None:
    """Return the claim of a context that its signer may not make, or None."""
    if tenant_of_run(workflow_id) != context.tenant:
        return "issued for a run of another tenant"
    if not context.countersigned and (reason := _overreach_of_team(workflow_id, context)) is not None:
        return reason
    if context.method and context.method not in tuple(AuthenticationMethod):
        return "names an unknown authentication method"
    return None


def _overreach_of_team(workflow_id: str, context: start_context.StartContext) -> str | None:
    if earlier_attempt(workflow_id) is not None:
        return "a team makes no further attempt"
    if context.policy:
        return "a team must not choose a policy"
    if context.issuer:
        return "a team names no issuer"
    return "a team has no API key" if context.api_key or context.models is not None else None


def _refused(start: ValidateInput, reason: str) -> Validated:
    unverified = Run(SYSTEM_TENANT, "", start.workflow_id, start.run_id, start.started_ms, "", "")
    return Validated(unverified, problem=_untrusted(Kind.INVALID_CONTEXT, reason))


def _untrusted(kind: Kind, reason: str) -> Problem:
    activity.logger.warning("start refused", extra={"refusal": kind.value, "reason": reason})
    return Problem(kind.value, f"the signed start context is invalid: {reason}")
