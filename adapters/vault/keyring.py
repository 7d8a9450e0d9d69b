"""Tenants' data keys from Vault: the SDK's key ring with Assay's settings and clock."""

import time
from collections.abc import Callable
from datetime import timedelta

from adapters.vault.session import ServiceSession
from assay_temporal.vault import keyring as sdk
from assay_temporal.vault.keyring import CacheLimits
from config.settings import VaultSettings
from domain.ports import Clock
from domain.refusals import Refusal

__all__ = ["CacheLimits", "ServiceKeyRing"]


class ServiceKeyRing(sdk.VaultKeyRing):
    """``KeyRing`` over Vault, for all tenants, which Assay's AppRoles can access."""

    def __init__(
        self,
        session: ServiceSession,
        settings: VaultSettings,
        clock: Clock,
        *,
        limits: CacheLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the session, and the clock for the age of keys."""
        super().__init__(
            session,
            kv_mount=settings.kv_mount,
            transit_mount=settings.transit_mount,
            key_life=timedelta(seconds=settings.data_key_max_age_seconds),
            now=clock.now,
            away=Refusal,
            limits=limits,
            monotonic=monotonic,
        )
