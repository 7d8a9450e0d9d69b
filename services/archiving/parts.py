"""Ports that an archiver is made of."""

from typing import Protocol

from domain.budgets.ports import Ledger
from domain.ports import SignatureChecks, StatementSigner
from domain.transparency.archive_ports import ArchivePlace, ArchiveStore, LineFiles
from domain.transparency.ports import LogEntries, LogProofs


class ArchivePorts(Protocol):
    """See ``adapters.archive.opening``. Logs' origins begin with ``log_name``."""

    @property
    def place(self) -> ArchivePlace:
        """Storage of the files."""
        ...

    @property
    def files(self) -> LineFiles:
        """Compression of the files."""
        ...

    @property
    def store(self) -> ArchiveStore:
        """The database's months."""
        ...

    @property
    def entries(self) -> LogEntries:
        """The log's entries, for headers."""
        ...

    @property
    def proofs(self) -> LogProofs:
        """The log's proofs, for headers."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Records of the archiver's own acts."""
        ...

    @property
    def signer(self) -> StatementSigner:
        """Signs manifests."""
        ...

    @property
    def signatures(self) -> SignatureChecks:
        """Verifies manifests and checkpoints."""
        ...

    @property
    def log_name(self) -> str:
        """The first part of the logs' origins."""
        ...
