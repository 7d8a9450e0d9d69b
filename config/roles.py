"""Process roles: the one table behind settings, Vault's AppRoles, database logins, ``assay serve`` and deployments.

A new role is a row here, and the items reported as missing by ``tests/deploy/test_role_table.py``: a Vault policy in
``deploy/vault``, a PostgreSQL group in ``deploy/sql/roles.sql``, a service in ``docker-compose.yml``, a process in
``cli/serve.py``, rows in ``docs/operate.md``.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class DatabaseRole:
    """A role of Vault's database engine; its logins are members of the PostgreSQL role ``group``."""

    name: str
    group: str


@dataclass(frozen=True, slots=True)
class ProcessRole:
    """The identity of a process, or of an operator's commands, in Vault, PostgreSQL and Temporal.

    Attributes:
        name: the value of ``assay serve --role``, the settings' group below ``ASSAY_VAULT__``, and the prefix of the
            compose file's secrets.
        databases: database logins that its Vault policy may lease. None if it uses no database.
        serves: it is a process of ``assay serve``. Its secret IDs come response-wrapped.
        uses_temporal: it is a client of Temporal, which needs a token where the server asks for one.
        ends_after: of roles in one process, the name of the one that has to end first.
        metrics_setting: group and name of the setting with the loopback port for metrics of a process in this role
            alone. None if it serves none, or on a port of its own.
    """

    name: str
    databases: tuple[DatabaseRole, ...] = ()
    serves: bool = True
    uses_temporal: bool = True
    ends_after: str | None = None
    metrics_setting: tuple[str, str] | None = None

    @property
    def approle(self) -> str:
        """Return the name of its AppRole, its Vault policy, and its client certificate's subject."""
        return f"assay-{self.name}"

    @property
    def policy_file(self) -> str:
        """Return the name of the file with its Vault policy."""
        return f"{self.name}.hcl"


API_LOGIN: Final = DatabaseRole("assay-api", "assay_api")
WRITER_LOGIN: Final = DatabaseRole("assay-writer", "assay_writer")
READER_LOGIN: Final = DatabaseRole("assay-reader", "assay_reader")
AUDITOR_LOGIN: Final = DatabaseRole("assay-auditor", "assay_auditor")
ARCHIVER_LOGIN: Final = DatabaseRole("assay-archiver", "assay_archiver")
SEQUENCER_LOGIN: Final = DatabaseRole("assay-sequencer", "assay_sequencer")
CUSTODIAN_LOGIN: Final = DatabaseRole("assay-custodian", "assay_custodian")
OPERATOR_LOGIN: Final = DatabaseRole("assay-operator", "assay_operator")
MIGRATE_LOGIN: Final = DatabaseRole("assay-migrate", "assay_owner")

API: Final = ProcessRole("api", (API_LOGIN, READER_LOGIN))
WORKER: Final = ProcessRole("worker", (WRITER_LOGIN,), ends_after="api", metrics_setting=("worker", "metrics_port"))
SEQUENCER: Final = ProcessRole(
    "sequencer",
    (SEQUENCER_LOGIN,),
    uses_temporal=False,
    ends_after="worker",  # so that the last records of the others enter the log's tree too
    metrics_setting=("audit", "metrics_port"),
)
ARCHIVER: Final = ProcessRole("archiver", (ARCHIVER_LOGIN,))
OPERATOR: Final = ProcessRole("operator", (MIGRATE_LOGIN, AUDITOR_LOGIN, CUSTODIAN_LOGIN, OPERATOR_LOGIN), serves=False)

SERVING: Final = (API, WORKER, SEQUENCER, ARCHIVER)
"""Roles of ``assay serve``, in the order in which one process starts them."""
ALL: Final = (*SERVING, OPERATOR)
DATABASES: Final = tuple(database for role in ALL for database in role.databases)


def named(name: str) -> ProcessRole:
    """Return the role with that name.

    Raises:
        KeyError: there is none.
    """
    return {role.name: role for role in ALL}[name]
