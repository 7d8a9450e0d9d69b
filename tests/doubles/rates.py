"""Rates of requests: the generic cell rate algorithm (GCRA, ITU-T Recommendation I.371, virtual scheduling).

One number is kept per caller: the theoretical arrival time (TAT), at which the caller's allowance is whole again. With
``limit`` requests in ``window_seconds``, all of which may come at once, no span of ``t`` seconds sees more than
``limit + t * limit / window_seconds`` requests.
"""

import math

from domain.budgets.values import Rate, RateDecision

_ROUNDING = 2.0**-22
"""Seconds that one sum may be off: the distance of neighbouring floats at 2**30 s, where clocks of our time are."""


def take(tat: float | None, now: float, rate: Rate) -> tuple[float, RateDecision]:
    """Spend one request at ``now``, if there is one; ``tat`` is None for a caller not seen before.

    Gives the TAT to keep and the decision. A refused request leaves the TAT as it was. Times are seconds of one clock.
    """
    interval = rate.window_seconds / rate.limit
    tolerance = rate.limit * _ROUNDING
    start = now if tat is None else max(tat, now)
    wait = start + interval - now - rate.window_seconds
    if wait > tolerance:
        return start, RateDecision(allowed=False, remaining=0, retry_after=wait, reset_after=start - now)
    spent = start + interval
    remaining = math.floor((rate.window_seconds - (spent - now) + tolerance) / interval)
    return spent, RateDecision(allowed=True, remaining=max(0, remaining), retry_after=0.0, reset_after=spent - now)
