"""``assay audit search``, ``show``, ``export``: listing records, showing one, exporting the log."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import typer

from adapters.http.gateway_client import GatewayClient, GatewayReply
from adapters.vault.session import ServiceSession
from cli.admin import as_operator
from cli.output import JsonFlag, Output
from cli.requests import Client, Url, with_token
from cli.wiring.records_search import one_record, recent_records
from config.settings import Settings
from domain.records.queries import RecordFilter
from domain.records.records import EventKind

_OK = 200


def moment(text: str) -> datetime:
    """Parse a time argument (ISO 8601); without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("must be a time such as 2026-11-01 or 2026-11-01T12:00:00Z") from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


Since = Annotated[datetime | None, typer.Option(parser=moment, metavar="TIME", help="Recorded at or after this time.")]
Until = Annotated[datetime | None, typer.Option(parser=moment, metavar="TIME", help="Recorded before this time.")]


def search(
    tenant: Annotated[
        str | None, typer.Option(help="Only this tenant; 'system' for refusals before a tenant was authenticated.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="Only the run with this ID.")] = None,
    kind: Annotated[EventKind | None, typer.Option(help="Only events of this kind.")] = None,
    caller: Annotated[str | None, typer.Option(help="Only this caller, as the keyed hash shown in records.")] = None,
    subject: Annotated[
        str | None,
        typer.Option(help="Only records about this data subject: a token's 'sub', or the keyed hash shown in records."),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: JsonFlag = False,
) -> None:
    """List the newest records with the reader's database role. Each row's digest is verified; nothing is decrypted."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> list[dict[str, Any]]:
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


def show(
    event: Annotated[UUID, typer.Argument(help="Event ID.")],
    plaintext: Annotated[
        bool, typer.Option("--plaintext", help="Decrypt, through the API, as --client. The access itself is recorded.")
    ] = False,
    client: Client = "auditor",
    url: Url = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one record with the operator's role. With --plaintext, as decrypted by the API for the client."""
    out = Output(as_json)
    if plaintext:

        async def ask(gateway: GatewayClient, access_token: str) -> GatewayReply:
            return await gateway.call("GET", f"/v1/audit/events/{event}?plaintext=true", token=access_token)

        out.value(_read(out, with_token(out, client, url, ask)))
        return

    async def use(session: ServiceSession, settings: Settings) -> dict[str, Any] | None:
        return await one_record(session, settings, event)

    found = as_operator(out, use)
    if found is None:
        raise out.fail("there is no such event")
    out.value(found)


def export(
    since: Since = None,
    until: Until = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; standard output by default.")
    ] = None,
    client: Client = "auditor",
    url: Url = None,
) -> None:
    """Export the log of the client's tenant, encrypted, for offline verification. The export is recorded."""
    out = Output(as_json=False)
    query = {name: at.isoformat() for name, at in (("since", since), ("until", until)) if at is not None}
    path = f"/v1/audit/export?{urlencode(query)}"

    def fetch(write: Callable[[bytes], object]) -> None:
        async def use(gateway: GatewayClient, access_token: str) -> GatewayReply:
            return await gateway.download(path, write, token=access_token)

        _read(out, with_token(out, client, url, use))

    if output is None:
        fetch(sys.stdout.buffer.write)
        return
    partial = output.with_name(f"{output.name}.partial")  # so that the file with the final name is complete
    try:
        with partial.open("wb") as file:
            fetch(file.write)
        partial.replace(output)
    except OSError as error:
        raise out.fail(f"{output}: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
    out.note(f"exported to {output}")


def _read(out: Output, reply: GatewayReply) -> Any:  # noqa: ANN401 - any JSON
    if reply.status == _OK:
        return reply.body
    body = reply.body if isinstance(reply.body, dict) else {}
    raise out.fail(f"{body.get('title', reply.status)}: {body.get('detail', 'the API gave no reason')}")
