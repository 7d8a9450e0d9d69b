"""``assay audit``: reading the log, checking what was given as proof, and who may be forgotten."""

from cli.lazy import lazily

app = lazily(
    "The audit log.",
    {
        "search": "cli.audit_records:search",
        "show": "cli.audit_records:show",
        "export": "cli.audit_records:export",
        "verify": "cli.audit_receipts:verify",
        "verify-log": "cli.audit_log:verify_log",
        "verify-proof": "cli.audit_evidence:verify_proof",
        "verify-consistency": "cli.audit_evidence:verify_consistency",
        "verify-export": "cli.audit_evidence:verify_export",
        "archive": "cli.archives:archive",
        "archives": "cli.archives:archives",
        "restore": "cli.archives:restore",
        "erase": "cli.custody:erase",
        "hold": "cli.custody:hold",
        "holds": "cli.custody:holds",
        "release": "cli.custody:release",
    },
)
