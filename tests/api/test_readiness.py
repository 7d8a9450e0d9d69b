"""Readiness of an API process without a current policy."""

from typing import Any, cast

import httpx2

from adapters.system.policy_files import load_policy_document
from api.app import build_app
from api.dependencies import Readiness
from api.http.metrics import Metrics
from config.checkout import POLICIES
from domain.refusals import Kind, Refusal
from services.policies.changes import apply_policy
from services.policies.current import CurrentPolicy
from services.policies.parsed import Policies
from tests.doubles.stores import MemoryPolicies


async def test_a_process_without_any_current_policy_is_not_ready() -> None:
    store = MemoryPolicies()
    policy = CurrentPolicy(Policies(store))
    readiness = Readiness((policy,))
    app = build_app(readiness, Metrics(), 1024, lambda: "0" * 32)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8080") as http:
        waiting = await http.get("/readyz")
        assert (waiting.status_code, waiting.json()["checks"]) == (503, {"policy": "unknown-policy"})
        await apply_policy(store, load_policy_document(POLICIES, {}))
        await policy.read()
        readiness.services = cast("Any", object())
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]) == (200, {"policy": "ok"})


class RolledBackLog:
    """A log that a sequencer does not sign any more."""

    name = "log"

    async def check(self) -> None:
        raise Refusal(Kind.INTERNAL, "a log was rolled back or changed: it is not signed any more")


async def test_a_log_that_was_rolled_back_takes_the_readiness_unless_it_is_excluded() -> None:
    readiness = Readiness((RolledBackLog(),), cast("Any", object()))
    app = build_app(readiness, Metrics(), 1024, lambda: "0" * 32)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8080") as http:
        found = await http.get("/readyz")
        assert (found.status_code, found.json()["checks"]) == (503, {"log": Kind.INTERNAL.value})
        assert (await http.get("/readyz?exclude=vault")).status_code == 503
        excluded = await http.get("/readyz?exclude=log")
        assert (excluded.status_code, excluded.json()["checks"]) == (200, {"log": Kind.INTERNAL.value})
