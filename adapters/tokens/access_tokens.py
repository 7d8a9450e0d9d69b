"""Access tokens: JWTs according to RFC 9068, signed with EdDSA (RFC 8037), issued and verified."""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.settings import TokenSettings
from domain.access.clients import ClientEntry, IssuedToken
from domain.access.principals import AuthenticationMethod, Principal, known_roles, require_tenant
from domain.identity import caller_hash
from domain.ports import Clock, IdentityKeys, StatementSigner
from domain.refusals import Kind, Refusal
from domain.signing_keys import TOKEN_KEY
from domain.text.strict_json import is_storable, read_strictly

TYPE = "at+jwt"
_ALGORITHM = "EdDSA"
_MOST_TOKEN_CHARS = 8192
_MOST_HEADER_CHARS = 512
_MOST_CLAIM_CHARS = 512
_TEXTS = ("iss", "sub", "client_id", "jti", "tenant")
_TIMES = ("iat", "nbf", "exp")
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_SIGNATURES = jwt.PyJWS()  # the claims are read and checked here, more strictly and with Assay's clock


class KeyFinder(Protocol):
    """Source of public keys."""

    async def find(self, key_name: str, kid: str) -> Mapping[str, str] | None:
        """Return the JWK with that ID, or None."""
        ...


class JwtIssuer:
    """``TokenIssuer``."""

    def __init__(self, signer: StatementSigner, settings: TokenSettings, *, key_name: str = TOKEN_KEY) -> None:
        """Take the signer, and the settings for issuer, audience and lifetime."""
        self._signer = signer
        self._settings = settings
        self._key_name = key_name

    async def issue(self, entry: ClientEntry, scope: str, now: datetime, jti: str) -> IssuedToken:
        """See ``TokenIssuer``."""
        issued_at = int(now.timestamp())
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": entry.subject,
            "client_id": entry.client_id,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + self._settings.lifetime_seconds,
            "jti": jti,
            "scope": scope,
            "tenant": entry.tenant,
            "roles": list(entry.roles),
        }
        token = await self._signer.sign(self._key_name, TYPE, claims)
        return IssuedToken(token, self._settings.lifetime_seconds, scope)


class JwtVerifier:
    """``TokenVerifier``. Every claim is required with its exact type; tokens are verified in full, never cached."""

    def __init__(
        self,
        keys: KeyFinder,
        identity: IdentityKeys,
        settings: TokenSettings,
        clock: Clock,
        *,
        key_name: str = TOKEN_KEY,
        typ: str = TYPE,
    ) -> None:
        """Take the ports. Only ``typ`` is accepted, with versions of ``key_name`` and EdDSA alone (RFC 8725)."""
        self._keys = keys
        self._identity = identity
        self._settings = settings
        self._clock = clock
        self._key_name = key_name
        self._typ = typ
        self._kid = re.compile(re.escape(key_name) + r":[1-9][0-9]{0,8}\Z")

    async def verify(self, token: str) -> Principal:
        """See ``TokenVerifier``."""
        return await self.principal(await self.claims(token))

    async def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a valid token.

        Raises:
            Refusal: INVALID_TOKEN or EXPIRED_TOKEN.
        """
        key = await self._key(token)
        claims = _signed_claims(token, key)
        self._check_addressees(claims)
        self._check_times(claims)
        return claims

    async def principal(
        self,
        claims: Mapping[str, Any],
        *,
        issuer: str | None = None,
        method: AuthenticationMethod = AuthenticationMethod.JWT,
    ) -> Principal:
        """Return the principal named by verified claims. ``issuer``: of its subject, if that is not the token's own."""
        tenant, client_id, subject = _tenant(claims["tenant"]), claims["client_id"], claims["sub"]
        identity_key = await self._identity.tenant_key(tenant)
        return Principal(
            tenant=tenant,
            subject=subject,
            client_id=client_id,
            roles=known_roles(claims["roles"]),
            caller=caller_hash(identity_key, tenant, client_id, subject, issuer=issuer),
            issuer=issuer,
            method=method,
        )

    async def _key(self, token: str) -> Ed25519PublicKey:
        """Return the key named in the header, after checking the header."""
        header_end = token.find(".", 0, _MOST_HEADER_CHARS)
        if len(token) > _MOST_TOKEN_CHARS or header_end < 0 or not _COMPACT.match(token):
            raise _invalid()
        header = _unverified_header(token[:header_end])
        kid = header.get("kid")
        named = isinstance(kid, str) and self._kid.match(kid)
        if header.get("alg") != _ALGORITHM or header.get("typ") != self._typ or "crit" in header or not named:
            raise _invalid()
        jwk = await self._keys.find(self._key_name, str(kid))
        if jwk is None:
            raise _invalid()
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "="))

    def _check_addressees(self, claims: Mapping[str, Any]) -> None:
        audience = claims["aud"]
        audiences = audience if isinstance(audience, list) else [audience]
        if claims["iss"] != self._settings.issuer or self._settings.audience not in audiences:
            raise _invalid()

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now().timestamp()
        leeway = self._settings.leeway_seconds
        if max(claims["nbf"], claims["iat"]) > now + leeway:
            raise _invalid()
        if claims["exp"] <= now - leeway:
            raise Refusal(Kind.EXPIRED_TOKEN, "the access token has expired")


def _unverified_header(segment: str) -> Mapping[str, Any]:
    """Return the header's content, read once more by the library later. Its own parser reads everything twice."""
    try:
        header = read_strictly(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, RecursionError):
        raise _invalid() from None
    if not isinstance(header, dict):
        raise _invalid()
    return header


def _signed_claims(token: str, key: Ed25519PublicKey) -> Mapping[str, Any]:
    """Return the claims, with the right types, after verifying the signature."""
    try:
        claims = read_strictly(_SIGNATURES.decode(token, key, algorithms=[_ALGORITHM]))
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise _invalid() from None
    if not isinstance(claims, dict):
        raise _invalid()
    texts = all(_is_text(claims.get(name)) for name in _TEXTS) and isinstance(claims.get("scope"), str)
    times = all(type(claims.get(name)) is int for name in _TIMES)  # neither bool nor float
    audience, roles = claims.get("aud"), claims.get("roles")
    lists = (_is_text(audience) or _is_texts(audience)) and _is_texts(roles)
    if not (texts and times and lists):
        raise _invalid()
    return claims


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MOST_CLAIM_CHARS and is_storable(value)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(item) for item in value)


def _tenant(name: str) -> str:
    try:
        return require_tenant(name)
    except Refusal:
        raise _invalid() from None


def _invalid() -> Refusal:
    return Refusal(Kind.INVALID_TOKEN, "the access token is invalid")
