"""Headers and query of a model's calls by policy, and the header of its key.

A policy is public within a deployment: what looks like a credential is refused, since keys belong in Vault.
"""

import re
from typing import Final

from domain.inference.models import KeyHeader
from domain.policy.reader import PolicyError, Section

_MOST: Final = 16
_MOST_CHARS: Final = 256
_HEADER: Final = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_PARAMETER: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}\Z")
_VALUE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?\Z")
_CREDENTIAL: Final = re.compile(
    r"auth|key|token|secret|passw|credential|cookie|session|signature|(?:\A|[-_.])(?:sig|code|sas)\Z", re.IGNORECASE
)
_OWN: Final = re.compile(
    r"(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|accept|accept-encoding|user-agent"
    r"|idempotency-key|via|forwarded)\Z|content-|proxy-|x-forwarded-|sec-"
)
"""Headers of the connection and of the adapter."""


def read_headers(model: Section) -> tuple[tuple[str, str], ...]:
    """Parse ``headers``: short printable texts by their names, which become lower case.

    Raises:
        PolicyError: for a header of a credential, of the connection or of the adapter, too.
    """
    found: dict[str, str] = {}
    for name, value in _texts(model, "headers"):
        plain = name.lower()
        if not _HEADER.match(plain) or _OWN.match(plain):
            raise PolicyError(model.path("headers"), f"has a header that can't be set: '{name}'")
        if plain in found:
            raise PolicyError(model.path("headers"), f"has '{plain}' twice")
        found[plain] = value
    return tuple(found.items())


def read_query(model: Section) -> tuple[tuple[str, str], ...]:
    """Parse ``query``: short printable texts by their names."""
    found = _texts(model, "query")
    for name, _ in found:
        if not _PARAMETER.match(name):
            raise PolicyError(model.path("query"), f"must have names of the form {_PARAMETER.pattern[:-2]}")
    return found


def read_key_header(model: Section) -> KeyHeader | None:
    """Parse ``key_header``. None leaves it to the format."""
    return KeyHeader(model.choice("key_header", tuple(KeyHeader))) if "key_header" in model else None


def _texts(model: Section, member: str) -> tuple[tuple[str, str], ...]:
    if member not in model:
        return ()
    found: list[tuple[str, str]] = []
    with model.section(member) as own:
        if len(own.names) > _MOST:
            raise PolicyError(model.path(member), f"must have at most {_MOST} entries")
        for name in own.names:
            value = own.text(name, _MOST_CHARS)
            if not _VALUE.match(value):
                raise PolicyError(own.path(name), "must have printable ASCII characters alone")
            if _CREDENTIAL.search(name):
                raise PolicyError(own.path(name), "names a credential: keys belong in Vault, at key_path")
            found.append((name, value))
    return tuple(found)
