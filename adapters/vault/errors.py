"""What Vault's errors mean to us. How its clients are built is the SDK's."""

from collections.abc import Iterator
from contextlib import contextmanager

from hvac import exceptions

from assay_temporal.vault.client import VaultAway, new_client
from domain.refusals import Kind, Refusal

__all__ = ["as_refusal", "new_client", "refusals", "unavailable"]

RETRY_AFTER_SECONDS = 1.0


def unavailable(detail: str = "the key store can't be reached") -> Refusal:
    """The refusal for a Vault that is away, sealed, or does not let us in."""
    return Refusal(Kind.VAULT_UNAVAILABLE, detail, retry_after=RETRY_AFTER_SECONDS)


def as_refusal(error: Exception) -> Refusal:
    """What an error of a call means. Nothing of Vault's own text is passed on: it may quote what was sent."""
    if isinstance(error, VaultAway):
        return unavailable(error.reason)
    if isinstance(error, exceptions.InvalidPath):
        return Refusal(Kind.NOT_FOUND, "there is no such secret")
    if isinstance(error, (exceptions.InvalidRequest, exceptions.ParamValidationError)):
        return Refusal(Kind.INTERNAL, "the key store did not accept a request")
    return unavailable()


@contextmanager
def refusals() -> Iterator[None]:
    """Vault's errors inside, as refusals."""
    try:
        yield
    except (VaultAway, exceptions.VaultError) as error:
        raise as_refusal(error) from None
