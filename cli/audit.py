"""``assay audit``: reading the log, and checking what was given as proof."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.receipts import ReceiptInvalid, verify_receipt
from adapters.records_search import recent_records
from adapters.vault_session import VaultSession
from cli.admin import as_operator
from cli.audit_log import verify_log
from cli.output import JsonFlag, Output
from config.settings import Settings
from domain.checkpoints import LogFormatError, parse_vkey

app = typer.Typer(no_args_is_help=True, help="The audit log.")
app.command("verify-log")(verify_log)


@app.command("search")
def search(
    tenant: Annotated[
        str | None, typer.Option(help="Only this tenant's; 'system' for what no tenant was proven for.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="Only this run's, by its ID.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: JsonFlag = False,
) -> None:
    """List the newest records, as the reader's role sees them: each row's digest is verified, nothing is decrypted."""
    out = Output(as_json)

    async def use(session: VaultSession, settings: Settings) -> list[dict[str, Any]]:
        return await recent_records(session, settings, tenant=tenant, workflow_id=run, limit=limit)

    rows = as_operator(out, use)
    if not as_json:
        rows = [
            {name: row[name] for name in ("recorded_at", "tenant", "kind", "decision", "refusal", "run")}
            for row in rows
        ]
    out.table(rows, "Records, newest first")


@app.command("verify")
def verify(
    receipt: Annotated[Path, typer.Argument(help="A run's JSON, or its receipt, as the API gave it.", exists=True)],
    keys: Annotated[Path, typer.Option(help="The JWKS of /.well-known/jwks.json.", exists=True)],
    request: Annotated[
        Path | None, typer.Option(help="The request's JSON, to check that the receipt is about it.")
    ] = None,
    proof: Annotated[
        Path | None, typer.Option(help="A tlog-proof of its record, if it did not come with the receipt.", exists=True)
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="The log's verifier key, as GET /v1/audit/key gives it. May be repeated.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check a receipt offline: its signature, that it is about this request and answer, and its proof if it has one."""
    out = Output(as_json)
    document = json.loads(receipt.read_text("utf-8"))
    sent = json.loads(request.read_text("utf-8")) if request else None
    text = proof.read_text("utf-8") if proof else None
    try:
        log_keys = [parse_vkey(vkey) for vkey in key or ()]
        if text is not None and not log_keys:
            raise out.fail("--proof needs the log's --key")
        claims = verify_receipt(document, json.loads(keys.read_text("utf-8")), sent, proof=text, log_keys=log_keys)
    except (ReceiptInvalid, LogFormatError) as error:
        raise out.fail(f"broken: {error}") from None
    what = f"{claims['outcome']}, run {claims['sub']}, event {claims['jti']}; checked {claims['checked']}"
    out.value(claims, f"{claims['verdict']}: {what}")
