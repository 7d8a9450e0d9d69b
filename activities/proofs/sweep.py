"""Proofs of a reconciliation sweep.

No page is skipped, no other run examined, and no sweep ended before its last page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from temporalio import activity

from activities.contracts import reconciliation
from activities.contracts.reconciliation import ClosedSuspects, HeldSuspects, Settled, Suspects, SweepState
from activities.proofs.claims import Claims, InvalidProof, ProofPlace
from activities.proofs.digests import digest

ANY_RUN: Final = "sweep"
"""Run of a sweep's proofs: it continues as a new run."""

STEPS: Final = MappingProxyType({step.name: step for step in reconciliation.ALL})
_POSITION, _FOUND, _DONE, _NEXT = "position", "found", "done", "next."


@dataclass(frozen=True, slots=True)
class SweepPosition:
    """Position of a sweep, without its counts."""

    began_ms: int
    since_ms: int | None
    page: str | None
    after: str | None


def sweep_place(info: activity.Info) -> ProofPlace:
    """Return the place of a sweep's proofs.

    Raises:
        InvalidProof: the step was not scheduled by a sweep.
    """
    if info.workflow_id is None or info.workflow_type != reconciliation.SETTLE_ABANDONED:
        raise InvalidProof("not scheduled by a sweep")
    return ProofPlace(info.namespace, info.workflow_id, ANY_RUN)


def require_step(given: Any, known: Claims) -> None:  # noqa: ANN401 - the argument of any step but the first
    """Check that the argument of a step is what the steps before have established.

    Raises:
        InvalidProof: it is not.
    """
    match given:
        case SweepState():
            wanted = {_POSITION: digest(_position(given))}
        case Suspects():
            wanted = {_FOUND: digest(replace(given, proof=None))}
        case _:
            wanted = {_DONE: str(given.at_ms)}
    if any(known.facts.get(name) != value for name, value in wanted.items()):
        raise InvalidProof("the step does not follow the one before")


def facts_of_step(given: Any, made: Any, known: Claims) -> Mapping[str, str]:  # noqa: ANN401
    """Return the facts that a step establishes, in place of those before."""
    match made:
        case SweepState():
            return _facts(made)
        case ClosedSuspects():
            return _after(made.suspects, replace(given, page=made.page))
        case HeldSuspects():
            return _after(made.suspects, replace(given, after=made.after))
        case Settled():
            return {name.removeprefix(_NEXT): value for name, value in known.facts.items() if name.startswith(_NEXT)}
        case _:
            return {}


def _after(suspects: tuple[reconciliation.Suspect, ...], state: SweepState) -> Mapping[str, str]:
    """Return the facts of the next position, deferred until found runs are examined."""
    if not suspects:
        return _facts(state)
    return {**{_NEXT + name: value for name, value in _facts(state).items()}, _FOUND: digest(Suspects(suspects))}


def _facts(state: SweepState) -> Mapping[str, str]:
    at_end = state.page is None and state.after is None
    return {_POSITION: digest(_position(state)), **({_DONE: str(state.began_ms)} if at_end else {})}


def _position(state: SweepState) -> SweepPosition:
    return SweepPosition(state.began_ms, state.since_ms, state.page, state.after)
