"""``assay audit``: reading the log, verifying evidence, erasure and legal holds."""

from cli.lazy import lazily

app = lazily(
    "The audit log.",
    {
        "search": "cli.audit.records:search",
        "show": "cli.audit.records:show",
        "export": "cli.audit.records:export",
        "verify": "cli.audit.receipts:verify",
        "verify-log": "cli.audit.log:verify_log",
        "verify-proof": "cli.audit.evidence:verify_proof",
        "verify-consistency": "cli.audit.evidence:verify_consistency",
        "verify-export": "cli.audit.evidence:verify_export",
        "archive": "cli.audit.archives:archive",
        "archives": "cli.audit.archives:archives",
        "restore": "cli.audit.archives:restore",
        "erase": "cli.audit.custody:erase",
        "hold": "cli.audit.custody:hold",
        "holds": "cli.audit.custody:holds",
        "release": "cli.audit.custody:release",
    },
)
