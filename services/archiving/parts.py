"""Ports of an archiver."""

from typing import Protocol

from domain.budgets.ports import Ledger
from domain.ports import SignatureChecks, StatementSigner
from domain.transparency.archive_ports import ArchivePlace, ArchiveStore, LineFiles
from domain.transparency.ports import LogEntries, LogProofs


class ArchivePorts(Protocol):
    """See ``adapters.archive.opening``. Logs' origins begin with ``log_name``."""

    @property
    def place(self) -> ArchivePlace:
        """Return the storage of the files."""
        ...

    @property
    def files(self) -> LineFiles:
        """Return the compression of the files."""
        ...

    @property
    def store(self) -> ArchiveStore:
        """Return the database's months."""
        ...

    @property
    def entries(self) -> LogEntries:
        """Return the log's entries, for headers."""
        ...

    @property
    def proofs(self) -> LogProofs:
        """Return the log's proofs, for headers."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Return the ledger for the archiver's own records."""
        ...

    @property
    def signer(self) -> StatementSigner:
        """Return the signer of manifests."""
        ...

    @property
    def signatures(self) -> SignatureChecks:
        """Return the verification of manifests and checkpoints."""
        ...

    @property
    def log_name(self) -> str:
        """Return the first part of the logs' origins."""
        ...
