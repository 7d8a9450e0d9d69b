"""Services for authentication, authorisation, rates and tokens."""

from dataclasses import dataclass

from api.access.key_services import ApiKeyServices
from domain.access.ports import AccessDecider, TokenVerifier
from domain.budgets.ports import RateLimiter
from domain.ports import StatementSigner
from services.token_attempts import TokenAttempts


@dataclass(frozen=True)
class AccessServices:
    """Services of every route with a caller, and of the routes in this folder."""

    verifier: TokenVerifier
    decider: AccessDecider
    rates: RateLimiter
    tokens: TokenAttempts
    signer: StatementSigner
    keys: ApiKeyServices
