"""Typed search attributes: never personal, never derived from a prompt beyond the decision about it."""

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from activities.stages import Run
from domain.runs import Status
from domain.verdicts import Verdict

DECISION = SearchAttributeKey.for_keyword("AssayDecision")
MODEL = SearchAttributeKey.for_keyword("AssayModel")
TENANT = SearchAttributeKey.for_keyword("AssayTenant")
CALLER = SearchAttributeKey.for_keyword("AssayCaller")
RISK_BAND = SearchAttributeKey.for_keyword("AssayRiskBand")
POLICY_VERSION = SearchAttributeKey.for_keyword("AssayPolicyVersion")
REVIEW_STATE = SearchAttributeKey.for_keyword("AssayReviewState")

ALL = (DECISION, MODEL, TENANT, CALLER, RISK_BAND, POLICY_VERSION, REVIEW_STATE)


def proven(run: Run, model: str) -> None:
    """Show who runs what, now that the signed context has proven it."""
    workflow.upsert_search_attributes(
        [
            DECISION.value_set(Status.RUNNING.value),
            MODEL.value_set(model),
            TENANT.value_set(run.tenant),
            CALLER.value_set(run.caller),
            POLICY_VERSION.value_set(run.policy),
        ]
    )


def decided(status: Status, verdict: Verdict | None) -> None:
    """Show how it ended."""
    updates = [DECISION.value_set(status.value)]
    if verdict is not None:
        updates.append(RISK_BAND.value_set(verdict.risk.value))
    workflow.upsert_search_attributes(updates)
