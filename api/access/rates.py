"""Request rate of a caller, by the database's clock, shared by all processes."""

import math
from typing import Annotated

from fastapi import Depends, Request

from api.access.auth import OwnKeyManager, PromptSubmitter
from api.dependencies import services
from domain.access.principals import Principal
from domain.budgets.values import Rate, RateDecision
from domain.refusals import Kind, Refusal


async def within_rate(request: Request, caller: PromptSubmitter) -> Principal:
    """Count one request of the caller, and of its API key. Return the caller.

    Raises:
        Refusal: as ``count_request``.
    """
    return await count_request(request, caller)


async def maker_within_rate(request: Request, caller: OwnKeyManager) -> Principal:
    """Count one request of a maker of API keys. Return the caller.

    Raises:
        Refusal: as ``count_request``.
    """
    return await count_request(request, caller)


async def count_request(request: Request, caller: Principal) -> Principal:
    """Count one request of the caller, and of an API key with a rate.

    Raises:
        Refusal: RATE_LIMITED; STORE_UNAVAILABLE if the rate can't be counted (fail closed).
    """
    provided = await services(request)
    rates = {"caller": (caller.caller, provided.inference.policy.policy.for_tenant(caller.tenant).rate)}
    if caller.key is not None and caller.key.requests_per_minute is not None:  # first, since it is the smaller share
        own = (f"{caller.caller}/{caller.key.family}", Rate(caller.key.requests_per_minute, 60))
        rates = {"key": own, **rates}
    headers: list[dict[str, str]] = []
    for name, (bucket, rate) in rates.items():
        decision = await provided.access.rates.take(caller.tenant, bucket, rate)
        headers.append(rate_headers(rate, decision, name))
        request.state.rate_headers = {field: ", ".join(said[field] for said in headers) for field in headers[0]}
        if not decision.allowed:
            raise Refusal(
                Kind.RATE_LIMITED,
                f"at most {rate.limit} requests in {rate.window_seconds} s",
                retry_after=decision.retry_after,
            )
    return caller


# FastAPI resolves a dependency's own dependencies once per use: so a route names this one only
RatedSubmitter = Annotated[Principal, Depends(within_rate)]
RatedKeyMaker = Annotated[Principal, Depends(maker_within_rate)]


def rate_headers(rate: Rate, decision: RateDecision, name: str = "caller") -> dict[str, str]:
    """``RateLimit-Policy`` and ``RateLimit`` (IETF draft-ietf-httpapi-ratelimit-headers)."""
    return {
        "RateLimit-Policy": f'"{name}";q={rate.limit};w={rate.window_seconds}',
        "RateLimit": f'"{name}";r={decision.remaining};t={max(0, math.ceil(decision.reset_after))}',
    }
