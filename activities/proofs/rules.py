"""Requirements of each stage on its given proof, and the facts that it adds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Generic

from activities.contracts import names
from activities.contracts.call_failures import CallFailure
from activities.contracts.names import Given, Made, Stage
from activities.contracts.stages import (
    Admission,
    AdmitInput,
    InvokeInput,
    ModelReply,
    Problem,
    Run,
    SanitiseResult,
    ScreenInput,
    ScreenOutputInput,
    StageInput,
    Validated,
    ValidateInput,
)
from activities.proofs.claims import Claims, InvalidProof
from activities.proofs.digests import as_recorded, digest
from domain.inference.bodies.attachments import require_data
from domain.inference.lost_attempts import CALLS_A_MODEL, LostAttempts
from domain.inference.parsing import messages_of, request_hash
from domain.screening.verdicts import Decision, Verdict

ADMITTED: Final = "admitted"
FAILED: Final = "failed"
LOST: Final = "lost"
PROBLEM: Final = "problem"
RESERVED: Final = "reserved"


@dataclass(frozen=True, slots=True)
class StageRule(Generic[Given, Made]):
    """Rule of one stage: its requirement, and its facts as a function of argument and result."""

    stage: Stage[Given, Made]
    require: Callable[[Given, Claims], None]
    facts: Callable[[Given, Made, Claims], Mapping[str, str]]


def require_fact(claims: Claims, name: str, value: object) -> None:
    """Check that a stage before has established this value.

    Raises:
        InvalidProof: it has not.
    """
    known = claims.facts.get(name)
    if known is None or known != digest(value):
        raise InvalidProof(f"{name} is not proven")


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Removed and masked parts of a request, as recorded."""

    removed: tuple[str, ...]
    masked: dict[str, int] | None
    redacted: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class MaskedValues:
    """Placeholders of a request with their values."""

    values: tuple[tuple[str, str], ...]


def problem_fact(problem: Problem) -> Problem:
    """Return a problem without its field, which the workflow states in the caller's terms."""
    return replace(problem, field=None)


def _require_nothing(given: ValidateInput, claims: Claims) -> None:
    """Require no proof: the first stage verifies the signed context itself."""
    del given, claims


def _validated(given: ValidateInput, made: Validated, claims: Claims) -> Mapping[str, str]:
    del claims
    facts = {"run": digest(made.run)}
    if made.submitter is not None:
        facts["submitter"] = digest(made.submitter)
    if made.problem is not None:
        facts[PROBLEM] = digest(problem_fact(made.problem))
    elif made.request is not None:
        whole = as_recorded(replace(made.request, messages=messages_of(given.request)))
        facts |= {"header": digest(made.request), "request": digest(whole)}
    return facts


def _require_request(given: StageInput, claims: Claims) -> None:
    require_fact(claims, "run", given.run)
    require_fact(claims, "request", given.request)
    _require_no_problem(claims)


def _sanitised(given: StageInput, made: SanitiseResult, claims: Claims) -> Mapping[str, str]:
    del claims
    facts = {
        "clean": digest(made.request or given.request),
        "cleaning": digest(Cleaning(made.removed, made.masked, made.redacted)),
        "values": digest(MaskedValues(made.values)),
    }
    return facts if made.problem is None else {**facts, PROBLEM: digest(problem_fact(made.problem))}


def _require_clean(given: ScreenInput, claims: Claims) -> None:
    _require_guarded(given.run, given.request, claims)
    require_fact(claims, "request", given.original or given.request)


def _screened(given: ScreenInput, made: Verdict, claims: Claims) -> Mapping[str, str]:
    del given, claims
    return {"verdict": digest(made)}


def _require_allowed(given: AdmitInput, claims: Claims) -> None:
    _require_guarded(given.run, given.request, claims)
    require_fact(claims, "submitter", given.submitter)
    require_fact(claims, "verdict", given.verdict)
    require_fact(claims, "cleaning", Cleaning(given.removed, given.masked, given.redacted))
    require_original(given.run, given.original)
    if given.verdict.decision is not Decision.ALLOW:
        raise InvalidProof("the verdict does not allow it")


def _admitted(given: AdmitInput, made: Admission, claims: Claims) -> Mapping[str, str]:
    del given, claims
    if made.problem is not None:
        return {PROBLEM: digest(problem_fact(made.problem))}
    return {ADMITTED: "", RESERVED: str(made.reserved_tokens)}


def _require_admitted(given: InvokeInput, claims: Claims) -> None:
    """Check a call; a proof of another model's failure is one of the admission, too."""
    require_fact(claims, "run", given.run)
    require_fact(claims, "clean", given.request)
    require_lost(given.lost, claims)
    try:
        require_data(given.request, given.data)
    except ValueError:
        raise InvalidProof("the data are not those of the request's attachments") from None
    if ADMITTED not in claims.facts:
        raise InvalidProof("the request was not admitted")
    if given.model not in claims.models:
        raise InvalidProof("the model is neither the request's nor a fallback")


def _invoked(given: InvokeInput, made: ModelReply, claims: Claims) -> Mapping[str, str]:
    del given
    lost = _told(_lost(claims).plus(made.lost or LostAttempts()))
    return {"reply": digest(made), "usage": digest(made.usage), LOST: lost}


def failed_call(claims: Claims, details: CallFailure) -> Mapping[str, str]:
    """Return the facts of a failed call of a model: its usage, and attempts lost so far."""
    facts = {} if details.usage is None else {"usage": digest(details.usage)}
    return {**facts, LOST: _told(_lost(claims).plus(details.lost_attempts))}


def require_lost(lost: LostAttempts | None, claims: Claims) -> None:
    """Check lost attempts: those that workers reported, and a bound for those of workers that died.

    Raises:
        InvalidProof: there are more, or they took more tokens, than the run's calls can have.
    """
    if lost is None:
        return
    if min(lost.attempts, lost.unreported, lost.tokens) < 0:
        raise InvalidProof("lost attempts are negative")
    known, reserved = _lost(claims), int(claims.facts.get(RESERVED, "0"))
    others = lost.attempts - known.attempts
    most = known.tokens + (known.unreported + max(0, others)) * reserved
    if others > CALLS_A_MODEL * len(claims.models) or lost.tokens > most or lost.unreported > lost.attempts:
        raise InvalidProof("more attempts were lost than the run can have made")


def _lost(claims: Claims) -> LostAttempts:
    told = claims.facts.get(LOST)
    return LostAttempts(*map(int, told.split(" "))) if told else LostAttempts()


def _told(lost: LostAttempts) -> str:
    return f"{lost.attempts} {lost.unreported} {lost.tokens}"


def _require_answered(given: ScreenOutputInput, claims: Claims) -> None:
    _require_guarded(given.run, given.request, claims)
    require_fact(claims, "reply", given.reply)


def _answer_screened(given: ScreenOutputInput, made: Verdict, claims: Claims) -> Mapping[str, str]:
    del given, claims
    return {"output": digest(made)}


def _require_guarded(run: Run, request: object, claims: Claims) -> None:
    require_fact(claims, "run", run)
    require_fact(claims, "clean", request)
    _require_no_problem(claims)


def _require_no_problem(claims: Claims) -> None:
    if PROBLEM in claims.facts or FAILED in claims.facts:
        raise InvalidProof("a stage before has refused or failed")


def require_original(run: Run, original: object) -> None:
    """Check that a request as sent is the run's.

    Raises:
        InvalidProof: it is not.
    """
    if request_hash(original) != run.request_hash:
        raise InvalidProof("the request as sent is not the run's")


_RULES: Final[tuple[StageRule[Any, Any], ...]] = (
    StageRule(names.VALIDATE_REQUEST, _require_nothing, _validated),
    StageRule(names.SANITISE_PROMPT, _require_request, _sanitised),
    StageRule(names.SCREEN_PROMPT, _require_clean, _screened),
    StageRule(names.ADMIT_REQUEST, _require_allowed, _admitted),
    StageRule(names.INVOKE_MODEL, _require_admitted, _invoked),
    StageRule(names.SCREEN_OUTPUT, _require_answered, _answer_screened),
)
RULES: Final[Mapping[str, StageRule[Any, Any]]] = MappingProxyType({rule.stage.name: rule for rule in _RULES})
"""Rules by the names of the stages, but for ``close_request``: see ``activities.proofs.outcomes``."""
