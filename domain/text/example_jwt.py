"""Example JSON Web Tokens (RFC 7519), recognised by their claims.

A signature covers the claims, so no real token can be given sample ones.
"""

import base64
import json
import re
from typing import Any

from domain.text.example_secrets import is_example_token

_TOKEN = re.compile(
    r"[A-Za-z0-9_-]+\.(?P<claims>[A-Za-z0-9_-]{1,4000})(?P<signature>\.[A-Za-z0-9_-]*)?(?P<open>\.{2,}|\u2026)?"
)
_PEOPLE = frozenset({"john doe", "jane doe", "john smith", "jane smith", "test user", "example user", "max mustermann"})
_SUBJECT = re.compile(
    r"1234(?:5(?:6(?:7(?:8(?:90?)?)?)?)?)?|(?:user|test|client)[-_|]?(?:123|1234|12345)|(?:test|example)[-_]?user"
)
_RESERVED = re.compile(r"(?:\A|[/@.])(?:example\.(?:com|org|net)|[a-z0-9-]+\.(?:example|test|invalid))(?:[/:]|\Z)")
_SAMPLE_NAMES = frozenset({"some", "hello", "foo", "bar", "test", "example", "data", "payload", "key"})
_NAMING = ("iss", "aud", "sub", "email", "preferred_username", "upn")


def is_example_jwt(text: str, start: int) -> bool:
    """Return True for a token with sample claims, or with its signature left out visibly."""
    token = _TOKEN.match(text, start)
    if token is None:
        return False
    if token["open"] or is_example_token(token["claims"]):
        return True
    signature = token["signature"]
    if signature and len(signature) > 1 and is_example_token(signature[1:]):
        return True
    return _is_sample(_claims(token["claims"]))


def _claims(encoded: str) -> dict[str, Any]:
    try:
        claims = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _is_sample(claims: dict[str, Any]) -> bool:
    if str(claims.get("name", "")).lower() in _PEOPLE or _SUBJECT.fullmatch(str(claims.get("sub", "")).lower()):
        return True
    if claims and set(claims) <= _SAMPLE_NAMES:
        return True
    return any(_RESERVED.search(str(claims.get(name, "")).lower()) for name in _NAMING)
