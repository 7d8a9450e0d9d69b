"""Causes of failed calls, for the operator of a command: with the settings to look at.

Clients of the API get the refusal alone.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from hvac.exceptions import VaultError
from requests import RequestException

from adapters.postgres.errors import STORE_ERRORS
from assay_temporal.vault.client import VaultAway, reason_of
from domain.refusals import Refusal
from embedded.process.errors import EmbeddedError

_SCHEMA = "the schema is missing or of another release, or the login lacks a right: run assay migrate"
_STATES = {
    "28": "PostgreSQL rejects the login that Vault leased: do ASSAY_DATABASE__HOST and ASSAY_VAULT__ADDRESS fit?",
    "3D": "there is no database of the name ASSAY_DATABASE__NAME",
    "3F": _SCHEMA,
    "42": _SCHEMA,
    "53": "PostgreSQL lacks a resource, such as connections or disk space",
    "57": "PostgreSQL is starting or stopping, or ended the statement",
}
"""Causes by class of SQLSTATE (PostgreSQL, appendix A)."""
_CONNECTING = (
    (
        ssl.SSLError,
        "PostgreSQL's TLS certificate is not accepted: see ASSAY_DATABASE__CA_FILE and ASSAY_DATABASE__HOST",
    ),
    (TimeoutError, "PostgreSQL did not answer in time at ASSAY_DATABASE__HOST and ASSAY_DATABASE__PORT"),
    (OSError, "PostgreSQL can't be reached at ASSAY_DATABASE__HOST and ASSAY_DATABASE__PORT"),
)


def explained(error: Refusal) -> str:
    """Return a refusal's detail with its cause, as far as it is known. Quotes nothing that a server said."""
    cause = _cause(error.__cause__)
    return error.detail if cause is None or cause == error.detail else f"{error.detail}: {cause}"


@contextmanager
def setting_up(server: str) -> Iterator[None]:
    """Name the cause of a failed call in the set-up of a server.

    Raises:
        EmbeddedError: see there.
    """
    try:
        yield
    except (VaultError, RequestException) as error:
        raise EmbeddedError(f"{server} can't be set up: {reason_of(error)}") from error
    except STORE_ERRORS as error:
        raise EmbeddedError(f"{server} can't be set up: {_cause(error) or 'it rejects a statement'}") from error


def _cause(error: BaseException | None) -> str | None:
    if isinstance(error, VaultAway):
        return error.reason
    if isinstance(error, Refusal):
        return f"Vault leases no login: {explained(error)}"
    if isinstance(error, asyncpg.PostgresError):
        return _STATES.get(str(error.sqlstate)[:2])
    return next((cause for kind, cause in _CONNECTING if isinstance(error, kind)), None)
