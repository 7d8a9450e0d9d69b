"""Access tokens for authenticated clients (RFC 6749 section 4.4, RFC 9068)."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, unquote_plus

from domain.access.clients import IssuedToken
from domain.access.ports import ClientDirectory, TokenIssuer
from domain.ports import Clock, IdentityKeys
from domain.refusals import Kind, Refusal

_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")


def read_form(body: bytes) -> Mapping[str, str]:
    """Parse an ``application/x-www-form-urlencoded`` body.

    Raises:
        Refusal: MALFORMED_BODY, also for a name that occurs twice (RFC 6749 section 3.2).
    """
    try:
        pairs = parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=16)
    except ValueError:
        raise Refusal(Kind.MALFORMED_BODY, "the body is not a well-formed form") from None
    if len(dict(pairs)) != len(pairs):
        raise Refusal(Kind.MALFORMED_BODY, "a parameter occurs twice")
    return dict(pairs)


def client_credentials(authorization: str | None, form: Mapping[str, str]) -> tuple[str, str]:
    """Return client ID and secret, from HTTP Basic or from the form: not from both (RFC 6749 section 2.3).

    Raises:
        Refusal: INVALID_CLIENT.
    """
    wrong = Refusal(Kind.INVALID_CLIENT, "authenticate by HTTP Basic, or by 'client_id' and 'client_secret'")
    if authorization is None:
        if "client_id" not in form or "client_secret" not in form:
            raise wrong
        return form["client_id"], form["client_secret"]
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic" or "client_secret" in form:
        raise wrong
    try:
        client_id, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise wrong from None
    if not colon:
        raise wrong
    return unquote_plus(client_id), unquote_plus(secret)


class TokenService:
    """The client credentials grant."""

    def __init__(
        self,
        clients: ClientDirectory,
        identities: IdentityKeys,
        issuer: TokenIssuer,
        clock: Clock,
        random_tag: Callable[[], str],
    ) -> None:
        self._clients = clients
        self._identities = identities
        self._issuer = issuer
        self._clock = clock
        self._random_tag = random_tag

    async def grant(self, client_id: str, secret: str) -> IssuedToken:
        """Return an access token.

        Raises:
            Refusal: INVALID_CLIENT, the same for an unknown or revoked client and a wrong secret.
        """
        entry = await self._clients.get(client_id) if _CLIENT_ID.match(client_id) else None
        given = await self._identities.hash_client_secret(client_id, secret)
        known = hmac.compare_digest(given, entry.secret_hash if entry else "0" * len(given))
        if entry is None or not known or entry.revoked:
            raise Refusal(Kind.INVALID_CLIENT, "unknown client or wrong secret")
        scope = " ".join(sorted(entry.roles))
        return await self._issuer.issue(entry, scope, self._clock.now(), self._random_tag())
