"""Services for the audit log: reading, exporting, proofs, erasure and legal holds."""

from dataclasses import dataclass

from domain.ports import StatementSigner
from domain.records.ports import RecordReader
from domain.transparency.ports import LogProofs
from services.custody import Custodian
from services.log.exporting import LogExport
from services.log.reading import RecordReading


@dataclass(frozen=True)
class AuditServices:
    """Services of the routes below ``/v1/audit``. A tenant's log is named ``log_name/tenant``."""

    reading: RecordReading
    records: RecordReader
    proofs: LogProofs
    export: LogExport
    custodian: Custodian
    signer: StatementSigner
    log_name: str
