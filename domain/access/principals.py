"""Principals of a tenant, their roles and actions."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from domain.refusals import Kind, Refusal

_TENANT = re.compile(r"[a-z0-9-]{1,40}\Z")

SYSTEM_TENANT = "system"
"""Tenant of records without an authenticated tenant. No principal belongs to it."""


class Role(StrEnum):
    """Roles of a token."""

    AI_OPERATOR = "ai_operator"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Action(StrEnum):
    """Actions of a principal. READ_LOG is for proofs and checkpoints, READ_AUDIT for records."""

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
    MANAGE_OWN_KEYS = "manage_own_keys"
    MANAGE_ANY_KEY = "manage_any_key"


class AuthenticationMethod(StrEnum):
    """Methods of authentication."""

    JWT = "jwt"
    API_KEY = "api_key"
    BROWSER_SESSION = "browser_session"
    TEAM_CONTEXT = "team_context"


@dataclass(frozen=True, slots=True)
class KeyUse:
    """The API key that authenticated a principal, and how it narrows the principal's rights.

    Attributes:
        id: the key's ID, which is no secret.
        family: the ID of the first key that rotations led from.
        models: aliases that it may use; None for all of the tenant's.
        requests_per_minute: its own rate; None for the caller's alone.
    """

    id: str
    family: str
    models: frozenset[str] | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    Attributes:
        tenant: the isolated customer, ``[a-z0-9-]{1,40}``.
        subject: the token's ``sub``. Personal: never logged, never in plaintext history.
        client_id: the OAuth client that the token was issued to.
        roles: known roles only.
        caller: a keyed hash of issuer, tenant, client and subject, hexadecimal: its name in records and logs.
        issuer: the issuer of ``subject``: the ``iss`` of an identity provider, or None for Assay itself.
        method: the authentication method.
        key: the API key, if it is by that method. Its caller is the one who made it.
    """

    tenant: str
    subject: str
    client_id: str
    roles: frozenset[Role]
    caller: str
    issuer: str | None
    method: AuthenticationMethod
    key: KeyUse | None = None

    @property
    def models(self) -> frozenset[str] | None:
        """Return the aliases of a narrowed API key, else None."""
        return None if self.key is None else self.key.models

    def require_model(self, alias: str) -> None:
        """Check that a narrowed API key may use a model.

        Raises:
            Refusal: UNKNOWN_MODEL.
        """
        if self.models is not None and alias not in self.models:
            raise Refusal(Kind.UNKNOWN_MODEL, f"unknown model '{alias}'", field="model")


def require_tenant(name: str) -> str:
    """Return a well-formed tenant name unchanged.

    Raises:
        Refusal: INVALID_REQUEST, field ``tenant``.
    """
    if not _TENANT.match(name) or name == SYSTEM_TENANT:
        raise Refusal(
            Kind.INVALID_REQUEST, "a tenant name must have 1 to 40 characters of a-z, 0-9 and '-'", field="tenant"
        )
    return name


def known_roles(names: Collection[str]) -> frozenset[Role]:
    """Return the roles among ``names``. Unknown names grant nothing."""
    return frozenset(role for role in Role if role.value in names)
