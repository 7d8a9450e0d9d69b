"""Mapping of Vault's errors to refusals. The SDK builds the clients."""

from collections.abc import Iterator
from contextlib import contextmanager

from hvac import exceptions

from assay_temporal.vault.client import VaultAway, new_client
from domain.refusals import Kind, Refusal

__all__ = ["as_refusal", "new_client", "refusals", "unavailable"]

RETRY_AFTER_SECONDS = 1.0


def unavailable(detail: str = "the key store can't be reached") -> Refusal:
    """Return the refusal for a Vault that is unreachable, sealed, or rejects the login."""
    return Refusal(Kind.VAULT_UNAVAILABLE, detail, retry_after=RETRY_AFTER_SECONDS)


def as_refusal(error: Exception) -> Refusal:
    """Translate an error of a call. Vault's own text is not passed on: it may quote the request."""
    if isinstance(error, exceptions.InvalidPath):
        return Refusal(Kind.NOT_FOUND, "there is no such secret")
    if isinstance(error, (exceptions.InvalidRequest, exceptions.ParamValidationError)):
        return Refusal(Kind.INTERNAL, "the key store did not accept a request")
    return unavailable()


@contextmanager
def refusals(*, with_reason: bool = False) -> Iterator[None]:
    """Translate Vault's errors in the block to refusals.

    ``with_reason`` passes on why Vault is unavailable: for operators, not for clients of the API.
    """
    try:
        yield
    except VaultAway as error:
        raise (unavailable(error.reason) if with_reason else unavailable()) from error
    except exceptions.VaultError as error:
        raise as_refusal(error) from None
