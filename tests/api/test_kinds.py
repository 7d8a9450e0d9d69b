"""Every kind of refusal at both edges: a problem over HTTP, a failure in Temporal. A new kind needs both."""

import json

import pytest
from temporalio.exceptions import ApplicationErrorCategory

from activities.failure_interceptor import as_failure
from activities.failures import failure_for
from api.access.rates import rate_headers
from api.problems import SHAPES, problem_response
from assay_temporal.keyring import KeyUnavailable
from domain.budgets.values import Rate, RateDecision
from domain.inference.models import ProviderFailure
from domain.inference.runs import Status, status_for
from domain.refusals import Kind, Nature, Refusal

CANARY = "canary-in-an-exception"


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_a_problem(kind: Kind):
    response = problem_response(Refusal(kind, "what the caller may know", field="prompt"))
    body = json.loads(response.body)
    assert body["type"] == f"urn:assay:problem:{kind.value}"
    assert body["status"] == response.status_code == SHAPES[kind].status
    assert response.media_type == "application/problem+json"
    assert body["title"]
    assert body["detail"] == "what the caller may know"
    assert body["field"] == "prompt"
    assert ("www-authenticate" in response.headers) == (response.status_code == 401)
    assert ("retry-after" in response.headers) == (response.status_code == 503)


@pytest.mark.parametrize(
    ("seconds", "header"), [(0, "1"), (0.2, "1"), (1, "1"), (1.01, "2"), (1.5, "2"), (2, "2"), (2.5, "3"), (3.0, "3")]
)
def test_the_wait_that_a_client_is_given_is_rounded_up_to_a_whole_second_at_least(seconds: float, header: str):
    assert problem_response(Refusal(Kind.RATE_LIMITED, "x", retry_after=seconds)).headers["retry-after"] == header


@pytest.mark.parametrize(("seconds", "t"), [(0.0, 0), (0.5, 1), (1.0, 1), (1.5, 2), (20.0, 20), (59.1, 60)])
def test_the_reset_of_a_rate_is_rounded_up_to_a_whole_second(seconds: float, t: int):
    decision = RateDecision(allowed=True, remaining=2, retry_after=0.0, reset_after=seconds)
    assert rate_headers(Rate(3, 60), decision)["RateLimit"] == f'"caller";r=2;t={t}'


@pytest.mark.parametrize("kind", Kind)
def test_faults_are_server_errors_and_nothing_else_is(kind: Kind):
    assert (SHAPES[kind].status >= 500) == (kind.nature is Nature.FAULT)


@pytest.mark.parametrize("kind", Kind)
def test_only_what_trying_again_may_help_is_left_to_the_client(kind: Kind):
    shown = problem_response(Refusal(kind, "x")).headers.get("x-should-retry")
    assert shown == (None if kind.nature is Nature.FAULT or kind in (Kind.RATE_LIMITED, Kind.NOT_SEALED) else "false")
    assert problem_response(Refusal(kind, "x"), final=True).headers["x-should-retry"] == "false"


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_a_failure_that_says_no_more_than_its_name(kind: Kind):
    failure = as_failure(Refusal(kind, CANARY, field=CANARY, retry_after=3))
    assert failure.type == kind.value
    assert CANARY not in str(failure)
    assert failure.details == ()
    benign = failure.category is ApplicationErrorCategory.BENIGN
    assert benign == (kind.nature is not Nature.FAULT)
    if failure.non_retryable:
        assert failure.next_retry_delay is None
    else:
        assert kind.nature is Nature.FAULT
        assert failure.next_retry_delay.total_seconds() == 3


@pytest.mark.parametrize(
    ("error", "kind", "again"),
    [
        (ProviderFailure(Kind.PROVIDER_GARBLED, retryable=True), "provider-garbled", True),
        (ProviderFailure(Kind.PROVIDER_REJECTED, retryable=False), "provider-rejected", False),
        (KeyUnavailable("acme", gone=False), "vault-unavailable", True),
        (KeyUnavailable("acme", gone=True), "internal", False),
        (ValueError(CANARY), "internal", True),
    ],
)
def test_other_errors_become_kinds(error: Exception, kind: str, again: bool):
    failure = as_failure(error)
    assert (failure.type, failure.non_retryable) == (kind, not again)
    assert CANARY not in str(failure)


def test_a_failure_may_carry_details_for_its_reader():
    assert failure_for(Kind.INTERNAL, {"id": "x"}).details == ({"id": "x"},)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_ends_a_run_in_one_status(kind: Kind):
    status = status_for(kind)
    assert status in (Status.BLOCKED, Status.REFUSED, Status.FAILED, Status.CANCELLED)
    assert (status is Status.FAILED) == (kind.nature is Nature.FAULT)
    assert status_for(None) is Status.COMPLETED
