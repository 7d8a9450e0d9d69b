"""The session with Vault, its errors as refusals. How it stays logged in and heals is the SDK's."""

from collections.abc import Callable
from typing import TypeVar

import hvac

from adapters.vault_client import refusals
from assay_temporal.vault import session as sdk

T = TypeVar("T")


class VaultSession(sdk.VaultSession):
    """See ``assay_temporal.vault.session``. A ``Dependency`` named ``vault``."""

    async def call(self, fn: Callable[[hvac.Client], T]) -> T:
        """Run ``fn`` in a thread, with the client of the current token. It may run twice, so it should be idempotent.

        Raises:
            Refusal: VAULT_UNAVAILABLE if Vault is away, sealed, too slow, or forbids it; NOT_FOUND for a path that
                holds nothing; INTERNAL for a request that Vault does not accept. ``fn`` may catch Vault's own errors.
        """
        with refusals():
            return await super().call(fn)

    def require_available(self) -> None:
        """Pass unless Vault is known to be away: known within seconds, by our own probes.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        with refusals():
            super().require_available()

    async def check(self) -> None:
        """Pass if Vault is active and unsealed and accepts our token.

        Raises:
            Refusal: VAULT_UNAVAILABLE, with the reason where it is known.
        """
        with refusals():
            await super().check()
