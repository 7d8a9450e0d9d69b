"""Refusals for errors of Temporal, of keys, and of the store of large payloads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from assay_temporal.keyring import KeyUnavailable
from domain.refusals import Kind, Refusal


def not_found() -> Refusal:
    return Refusal(Kind.NOT_FOUND, "there is no such run for this caller")


@asynccontextmanager
async def engine() -> AsyncIterator[None]:
    """Translate Temporal's errors to refusals."""
    try:
        yield
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise not_found() from None
        raise Refusal(Kind.ENGINE_UNAVAILABLE, "the workflow engine did not answer", retry_after=2) from None


@asynccontextmanager
async def keys_or_refusal() -> AsyncIterator[None]:
    """Translate missing keys and an unavailable large-payload store to refusals."""
    try:
        yield
    except KeyUnavailable as error:
        if error.gone:
            raise Refusal(Kind.FORBIDDEN, "the tenant has no key: it was not created, or was erased") from None
        raise Refusal(Kind.VAULT_UNAVAILABLE, "the key store did not answer", retry_after=2) from None
    except ApplicationError as error:
        if error.type != Kind.STORE_UNAVAILABLE:
            raise
        raise Refusal(Kind.STORE_UNAVAILABLE, "the large-payload storage did not answer", retry_after=2) from None
