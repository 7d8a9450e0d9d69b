"""Details of failed calls of models, as anyone who reaches the queue may have written them."""

import math
from typing import Any

import pytest

from activities.contracts.call_failures import CallFailure, call_failure_of


@pytest.mark.parametrize("delay", [0, 3, 2.5, 86_400])
def test_a_delay_is_read_in_seconds(delay: float):
    assert call_failure_of([{"retry_after": delay}]) == CallFailure(retry_after=float(delay))


@pytest.mark.parametrize(
    "delay", [10**400, -(10**400), -1, math.nan, math.inf, 1e300, "3", [3], None], ids=lambda delay: repr(delay)[:8]
)
def test_a_delay_that_no_provider_asks_for_is_none(delay: Any):
    assert call_failure_of([{"retry_after": delay}]) == CallFailure()
