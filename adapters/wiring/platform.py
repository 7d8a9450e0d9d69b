"""Common parts of API and worker: a session with Vault, keys, and a pool. Built here only."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.payloads import PostgresPayloads
from adapters.postgres.policies import PostgresPolicies
from adapters.postgres.pool import PostgresPool
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from adapters.vault.signer import VaultSigner
from config.roles import ProcessRole
from config.settings import Settings
from domain.ports import Clock


@dataclass(frozen=True)
class Platform:
    """Adapters of a process on Vault and PostgreSQL, with one AppRole and one login kind."""

    session: ServiceSession
    keyring: ServiceKeyRing
    identities: VaultIdentity
    public_keys: VaultPublicKeys
    signer: VaultSigner
    pool: PostgresPool
    encrypter: RecordEncrypter
    ledger: PostgresLedger
    policies: PostgresPolicies
    payloads: PostgresPayloads

    @classmethod
    async def open(cls, stack: AsyncExitStack, settings: Settings, role: ProcessRole, clock: Clock) -> "Platform":
        """Start session and pool; ``stack`` stops them. Returns without waiting for the servers' answers.

        The pool's logins are of the role's first kind.
        """
        vault = settings.vault
        session = ServiceSession(vault, vault.approle(role))
        database_role = role.databases[0].name
        stack.push_async_callback(session.close)
        await session.start()
        keyring = ServiceKeyRing(session, vault, clock)
        public_keys = VaultPublicKeys(session, transit_mount=vault.transit_mount, clock=clock)
        identities = VaultIdentity(session, kv_mount=vault.kv_mount)
        pool = PostgresPool(session, settings.database, database_role, mount=vault.database_mount)
        stack.push_async_callback(pool.close)
        await pool.start()
        encrypter = RecordEncrypter(keyring, identities, PostgresSubjectKeys(pool, keyring))
        return cls(
            session=session,
            keyring=keyring,
            identities=identities,
            public_keys=public_keys,
            signer=VaultSigner(session, public_keys, transit_mount=vault.transit_mount),
            pool=pool,
            encrypter=encrypter,
            ledger=PostgresLedger(pool, encrypter),
            policies=PostgresPolicies(pool),
            payloads=PostgresPayloads(pool),
        )
