"""``assay audit``: reading the log, and checking what was given as proof."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from adapters.receipts import ReceiptInvalid, verify_receipt
from adapters.records_search import recent_records
from adapters.vault_session import VaultSession
from cli.admin import as_operator
from cli.audit_evidence import verify_consistency, verify_export, verify_proof
from cli.audit_log import verify_log
from cli.audit_records import Since, Until, export, show
from cli.output import JsonFlag, Output
from config.settings import Settings
from domain.checkpoints import LogFormatError, parse_vkey
from domain.record_queries import RecordFilter
from domain.records import EventKind

app = typer.Typer(no_args_is_help=True, help="The audit log.")
app.command("show")(show)
app.command("export")(export)
app.command("verify-log")(verify_log)
app.command("verify-proof")(verify_proof)
app.command("verify-consistency")(verify_consistency)
app.command("verify-export")(verify_export)


@app.command("search")
def search(
    tenant: Annotated[
        str | None, typer.Option(help="Only this tenant's; 'system' for what no tenant was proven for.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="Only this run's, by its ID.")] = None,
    kind: Annotated[EventKind | None, typer.Option(help="Only events of this kind.")] = None,
    caller: Annotated[str | None, typer.Option(help="Only this caller's, by the keyed hash that records have.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only about this person: the token's 'sub', or the keyed hash that records have.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: JsonFlag = False,
) -> None:
    """List the newest records, as the reader's role sees them: each row's digest is verified, nothing is decrypted."""
    out = Output(as_json)

    async def use(session: VaultSession, settings: Settings) -> list[dict[str, Any]]:
        where = RecordFilter(kind=kind, caller=caller, since=since, until=until)
        return await recent_records(
            session, settings, tenant=tenant, workflow_id=run, limit=limit, where=where, person=subject
        )

    rows = as_operator(out, use)
    if not as_json:
        rows = [
            {name: row[name] for name in ("recorded_at", "tenant", "kind", "decision", "refusal", "run", "event_id")}
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
    try:
        document, jwks = _json(receipt), _json(keys)
        sent = _json(request) if request else None
        text = proof.read_bytes().decode() if proof else None
    except ValueError:
        raise out.fail("a file can't be read as what it should be", 2) from None
    try:
        log_keys = [parse_vkey(vkey) for vkey in key or ()]
        if text is not None and not log_keys:
            raise out.fail("--proof needs the log's --key")
        claims = verify_receipt(document, jwks, sent, proof=text, log_keys=log_keys)
    except (ReceiptInvalid, LogFormatError) as error:
        raise out.fail(f"broken: {escape(str(error))}") from None
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise out.fail(f"broken: it can't be read ({type(error).__name__})") from None
    what = f"{claims['outcome']}, run {claims['sub']}, event {claims['jti']}; checked {claims['checked']}"
    out.value(claims, f"{claims['verdict']}: {what}")


def _json(path: Path) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(path.read_bytes())
