"""Session with Vault, with errors as refusals. Login and recovery are the SDK's."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import hvac

from adapters.vault.errors import refusals
from adapters.vault.http import VaultHttp
from assay_temporal.vault import session as sdk
from assay_temporal.vault.client import AppRoleFiles, VaultPlace

T = TypeVar("T")


class ServiceSession(sdk.VaultSession):
    """Session of a service: see ``assay_temporal.vault.session``. A ``Dependency`` named ``vault``."""

    def __init__(self, place: VaultPlace, approle: AppRoleFiles, *, threads: int = 8, **more: Any) -> None:  # noqa: ANN401 - the SDK's
        """See the SDK's. ``threads`` limits the calls from the loop as well."""
        super().__init__(place, approle, threads=threads, **more)
        self._http = VaultHttp(place, connections=threads)

    async def call(self, fn: Callable[[hvac.Client], T]) -> T:
        """Run ``fn`` in a thread, with the client of the current token. It may run twice, so it should be idempotent.

        Raises:
            Refusal: VAULT_UNAVAILABLE if Vault is unreachable, sealed, slow, or denies it; NOT_FOUND for a path that
                holds nothing; INTERNAL for a request that Vault does not accept. ``fn`` may catch Vault's own errors.
        """
        with refusals():
            return await super().call(fn)

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write to ``path`` without a thread; return the answer's data. For calls a request waits for, else ``call``.

        Raises:
            Refusal: as ``call``.
        """
        with refusals():
            return await self._call(lambda client: self._http.post(client, path, body))

    async def close(self) -> None:
        """See the SDK's."""
        try:
            await super().close()
        finally:
            await self._http.close()

    def require_available(self) -> None:
        """Refuse while Vault is known to be unavailable: known within seconds, by the session's probes.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        with refusals():
            super().require_available()

    async def check(self) -> None:
        """Check that Vault is active, unsealed, and accepts the session's token.

        Raises:
            Refusal: VAULT_UNAVAILABLE, with the reason if known.
        """
        with refusals(with_reason=True):
            await super().check()
