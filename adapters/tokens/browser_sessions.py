"""Tickets and sessions as JWTs, signed like access tokens, but of another type and for another audience (RFC 8725)."""

from datetime import UTC, datetime

from adapters.tokens.access_tokens import JwtVerifier, KeyFinder
from config.settings import TokenSettings
from domain.access.principals import Principal
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
        claims = {
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
        return await self._signer.sign(TOKEN_KEY, _type(use), claims if run is None else {**claims, "run": run})

    async def verify(self, use: SessionUse, token: str) -> SessionClaims:
        """See ``SessionTokens``."""
        verifier = self._verifiers[use]
        claims = await verifier.claims(token)
        run = claims.get("run")
        if not (run is None or isinstance(run, str)):
            raise Refusal(Kind.INVALID_TOKEN, "the token is not valid")
        issued_at = datetime.fromtimestamp(claims["iat"], UTC)
        return SessionClaims(await verifier.principal(claims), claims["jti"], issued_at, run)


def _type(use: SessionUse) -> str:
    return f"assay-{use.value}+jwt"
