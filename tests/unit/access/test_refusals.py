"""Kinds of refusal: each has a nature, and a name that a problem's type can end with."""

import re

import pytest

from domain.inference.runs import Status, event_for, status_for
from domain.refusals import Kind, Nature, Refusal


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_nature_and_a_name_in_kebab_case(kind: Kind):
    assert isinstance(kind.nature, Nature)
    assert re.fullmatch(r"[a-z]+(?:-[a-z]+)*", kind.value)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_ends_a_run_in_a_status_that_is_recorded(kind: Kind):
    status = status_for(kind)
    assert event_for(status).value == status.value
    assert (status is Status.FAILED) == (kind.nature is Nature.FAULT)


def test_no_problem_is_completed():
    assert status_for(None) is Status.COMPLETED


def test_a_run_that_goes_on_is_no_event():
    with pytest.raises(ValueError, match="running"):
        event_for(Status.RUNNING)


@pytest.mark.parametrize(
    ("kind", "nature"),
    [
        (Kind.INVALID_REQUEST, Nature.CALLER),
        (Kind.PROMPT_BLOCKED, Nature.POLICY),
        (Kind.UNKNOWN_POLICY, Nature.POLICY),
        (Kind.QUOTA_SPENT, Nature.LIMIT),
        (Kind.SCREENING_UNAVAILABLE, Nature.FAULT),
        (Kind.INTERNAL, Nature.FAULT),
    ],
)
def test_the_nature_of_a_kind(kind: Kind, nature: Nature):
    assert kind.nature is nature


def test_a_refusal_says_its_kind_its_field_and_its_detail():
    assert (
        str(Refusal(Kind.INVALID_REQUEST, "must be a string", field="model"))
        == "invalid-request: model: must be a string"
    )
    assert str(Refusal(Kind.QUOTA_SPENT, "no tokens are left")) == "quota-spent: no tokens are left"
