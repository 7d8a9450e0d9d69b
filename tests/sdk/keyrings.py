"""A keyring without a Vault, for tests of what stands on one."""

from assay_temporal.keyring import DataKey, KeyUnavailable


class FixedKeyRing:
    """Keys of known tenants; ``away`` makes every lookup fail as if their keeper were down."""

    def __init__(self, *tenants: str) -> None:
        self.keys = {tenant: [DataKey(tenant, f"{tenant}-1", tenant.encode().ljust(32, b"."))] for tenant in tenants}
        self.away = False

    def rotate(self, tenant: str) -> None:
        versions = self.keys[tenant]
        number = len(versions) + 1
        versions.append(DataKey(tenant, f"{tenant}-{number}", f"{tenant}{number}".encode().ljust(32, b"!")))

    async def current(self, tenant: str) -> DataKey:
        return self._versions(tenant)[-1]

    async def by_id(self, tenant: str, key_id: str) -> DataKey:
        for key in self._versions(tenant):
            if key.key_id == key_id:
                return key
        raise KeyUnavailable(tenant, gone=True)

    def _versions(self, tenant: str) -> list[DataKey]:
        if self.away:
            raise KeyUnavailable(tenant, gone=False)
        if tenant not in self.keys:
            raise KeyUnavailable(tenant, gone=True)
        return self.keys[tenant]
