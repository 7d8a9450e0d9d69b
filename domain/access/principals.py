"""Principals of a tenant, their roles, and the actions that they can ask for."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from domain.refusals import Kind, Refusal

_TENANT = re.compile(r"[a-z0-9-]{1,40}\Z")

SYSTEM_TENANT = "system"
"""The tenant of records whose tenant is not proven. No principal belongs to it."""


class Role(StrEnum):
    """The roles that a token can carry."""

    AI_OPERATOR = "ai_operator"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Action(StrEnum):
    """What a principal may want to do. READ_LOG is for proofs and checkpoints, READ_AUDIT for records."""

    SUBMIT = "submit"
    READ_OWN_RUN = "read_own_run"
    READ_ANY_RUN = "read_any_run"
    CANCEL_OWN_RUN = "cancel_own_run"
    READ_LOG = "read_log"
    READ_AUDIT = "read_audit"
    DECODE_PAYLOAD = "decode_payload"
    ERASE = "erase"
    READ_HOLDS = "read_holds"
    PLACE_HOLD = "place_hold"
    RELEASE_HOLD = "release_hold"


class AuthenticationMethod(StrEnum):
    """How a principal was authenticated."""

    JWT = "jwt"
    API_KEY = "api_key"
    BROWSER_SESSION = "browser_session"
    TEAM_CONTEXT = "team_context"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    Attributes:
        tenant: the wall between customers, ``[a-z0-9-]{1,40}``.
        subject: the token's ``sub``. Personal: never logged, never in plaintext history.
        client_id: the OAuth client that the token was issued to.
        roles: known roles only.
        caller: a keyed hash of issuer, tenant, client and subject, hexadecimal: its name in records and logs.
        issuer: who vouches for ``subject``: the ``iss`` of an identity provider, or None for Assay itself.
        method: how it was authenticated.
    """

    tenant: str
    subject: str
    client_id: str
    roles: frozenset[Role]
    caller: str
    issuer: str | None
    method: AuthenticationMethod


def require_tenant(name: str) -> str:
    """Give a well-formed tenant name back.

    Raises:
        Refusal: INVALID_REQUEST, field ``tenant``.
    """
    if not _TENANT.match(name) or name == SYSTEM_TENANT:
        raise Refusal(
            Kind.INVALID_REQUEST, "a tenant name must have 1 to 40 characters of a-z, 0-9 and '-'", field="tenant"
        )
    return name


def known_roles(names: Collection[str]) -> frozenset[Role]:
    """The roles among ``names``. Names that we don't know grant nothing."""
    return frozenset(role for role in Role if role.value in names)
