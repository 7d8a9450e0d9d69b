"""Tickets and sessions as JWTs, with a type and audience of their own (RFC 8725)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.tokens.access_tokens import JwtVerifier, KeyFinder
from config.settings import TokenSettings
from domain.access.principals import AuthenticationMethod, Principal
from domain.access.sessions import SessionClaims, SessionUse
from domain.ports import Clock, IdentityKeys, StatementSigner
from domain.refusals import Kind, Refusal
from domain.signing_keys import TOKEN_KEY


class JwtSessions:
    """``SessionTokens``."""

    def __init__(
        self, signer: StatementSigner, keys: KeyFinder, identity: IdentityKeys, settings: TokenSettings, clock: Clock
    ) -> None:
        """Take the ports, and the settings of access tokens, whose audience is extended by ``/codec``."""
        self._signer = signer
        self._settings = settings.model_copy(update={"audience": f"{settings.audience}/codec"})
        self._verifiers = {
            use: JwtVerifier(keys, identity, self._settings, clock, typ=_type(use)) for use in SessionUse
        }

    async def issue(
        self, use: SessionUse, principal: Principal, *, now: datetime, seconds: int, jti: str, run: str | None = None
    ) -> str:
        """See ``SessionTokens``."""
        issued_at = int(now.timestamp())
        claims: dict[str, object] = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": principal.subject,
            "client_id": principal.client_id,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + seconds,
            "jti": jti,
            "scope": "",
            "tenant": principal.tenant,
            "roles": sorted(role.value for role in principal.roles),
        }
        if run is not None:
            claims["run"] = run
        if principal.issuer is not None:
            claims["sub_id"] = _subject_id(principal.issuer, principal.subject)
        return await self._signer.sign(TOKEN_KEY, _type(use), claims)

    async def verify(self, use: SessionUse, token: str) -> SessionClaims:
        """See ``SessionTokens``."""
        verifier = self._verifiers[use]
        claims = await verifier.claims(token)
        run = claims.get("run")
        if not (run is None or isinstance(run, str)):
            raise Refusal(Kind.INVALID_TOKEN, "the token is invalid")
        issued_at = datetime.fromtimestamp(claims["iat"], UTC)
        principal = await verifier.principal(
            claims, issuer=_issuer(claims), method=AuthenticationMethod.BROWSER_SESSION
        )
        return SessionClaims(principal, claims["jti"], issued_at, run)


def _subject_id(issuer: str, subject: str) -> dict[str, str]:
    """Return the claim ``sub_id`` (RFC 9493 section 3.2.3): the subject of another issuer than the token's."""
    return {"format": "iss_sub", "iss": issuer, "sub": subject}


def _issuer(claims: Mapping[str, Any]) -> str | None:
    """Return the issuer of the subject; None for the token's own.

    Raises:
        Refusal: INVALID_TOKEN.
    """
    if "sub_id" not in claims:
        return None
    issuer = claims["sub_id"].get("iss") if isinstance(claims["sub_id"], dict) else None
    if not isinstance(issuer, str) or not issuer or claims["sub_id"] != _subject_id(issuer, claims["sub"]):
        raise Refusal(Kind.INVALID_TOKEN, "the token is not valid")
    return issuer


def _type(use: SessionUse) -> str:
    return f"assay-{use.value}+jwt"
