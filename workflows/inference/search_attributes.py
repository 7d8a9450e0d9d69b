"""Typed search attributes: never personal, never derived from a prompt except the decision about it.

Clients that start a run may set them, so a run shows only proven values. A run started by the API has the right ones
already: an update costs the server more than a whole stage.
"""

from typing import Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from activities.contracts.stages import Run
from domain.inference.runs import Status
from domain.screening.verdicts import Verdict

Key = SearchAttributeKey[str]

DECISION: Final = SearchAttributeKey.for_keyword("AssayDecision")
MODEL: Final = SearchAttributeKey.for_keyword("AssayModel")
TENANT: Final = SearchAttributeKey.for_keyword("AssayTenant")
CALLER: Final = SearchAttributeKey.for_keyword("AssayCaller")
RISK_BAND: Final = SearchAttributeKey.for_keyword("AssayRiskBand")
POLICY_VERSION: Final = SearchAttributeKey.for_keyword("AssayPolicyVersion")
REVIEW_STATE: Final = SearchAttributeKey.for_keyword("AssayReviewState")

ALL: Final = (DECISION, MODEL, TENANT, CALLER, RISK_BAND, POLICY_VERSION, REVIEW_STATE)


def running(*, tenant: str, caller: str, policy: str, model: str) -> TypedSearchAttributes:
    """Return the attributes of a running run: given to its start, and compared with its verified context."""
    shown = {DECISION: Status.RUNNING.value, MODEL: model, TENANT: tenant, CALLER: caller, POLICY_VERSION: policy}
    return TypedSearchAttributes([SearchAttributePair(key, value) for key, value in shown.items()])


def proven(run: Run, model: str) -> None:
    """Set the attributes that the signed context has proven. Remove any others claimed by a start."""
    wanted = running(tenant=run.tenant, caller=run.caller, policy=run.policy, model=model)
    _show({key: wanted.get(key) for key in ALL})


def decided(status: Status, verdict: Verdict | None, *, known: bool) -> None:
    """Set the final decision. Without a ``known`` run, no context was proven: all others are removed."""
    now = workflow.info().typed_search_attributes
    shown = {key: now.get(key) if known else None for key in ALL}
    _show({**shown, DECISION: status.value, RISK_BAND: verdict.risk.value if verdict else None})


def _show(wanted: dict[Key, str | None]) -> None:
    now = workflow.info().typed_search_attributes
    updates: list[SearchAttributeUpdate[str]] = []
    for key, value in wanted.items():
        if now.get(key) != value:
            updates.append(key.value_unset() if value is None else key.value_set(value))
    if updates:
        workflow.upsert_search_attributes(updates)
