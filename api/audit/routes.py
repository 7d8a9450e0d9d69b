"""``/v1/audit``: records for auditors; proofs, checkpoints and keys for every caller of the tenant."""

import base64
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

from api.access.auth import AuditReader, LogReader
from api.audit.schemas import ConsistencyBody, EventBody, EventsBody, EventsQuery, ExportQuery
from api.dependencies import Audit
from api.http.headers import parameters_once
from api.http.openapi import problems
from domain.records.queries import RecordFilter, parse_cursor
from domain.refusals import Kind, Refusal
from domain.signing_keys import LOG_KEY
from domain.transparency.checkpoints import parse_checkpoint, parse_note, vkey

router = APIRouter(prefix="/v1/audit", tags=["audit"], dependencies=[Depends(parameters_once)])
EXPORT_TYPE = "application/jsonl"
_RETRY_SECONDS = 1.0
_Plaintext = Annotated[bool, Query(description="Decrypt the event. The access itself is recorded first.")]


@router.get(
    "/events",
    response_model=EventsBody,
    response_model_exclude_none=True,
    responses=problems(401, 403, 422, 503),
)
async def events(caller: AuditReader, query: Annotated[EventsQuery, Query()], audit: Audit) -> JSONResponse:
    """List records of the caller's tenant, newest first.

    With `plaintext` their encrypted part is decrypted, once the access is recorded; 503 if it can't be recorded.
    """
    page = await audit.reading.page(
        caller,
        RecordFilter(kind=query.kind, run=query.run, caller=query.caller, since=query.since, until=query.until),
        person=query.subject,
        after=None if query.cursor is None else parse_cursor(query.cursor),
        limit=query.limit,
        plaintext=query.plaintext,
    )
    return JSONResponse({"events": page.events, **({"cursor": page.after} if page.after else {})})


@router.get("/events/{event_id}", response_model=EventBody, responses=problems(401, 403, 404, 422, 503))
async def event(event_id: UUID, caller: AuditReader, audit: Audit, plaintext: _Plaintext = False) -> JSONResponse:
    """Return one record."""
    return JSONResponse(await audit.reading.one(caller, event_id, plaintext=plaintext))


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={
        200: {"description": "JSON Lines", "content": {EXPORT_TYPE: {"schema": {"type": "string"}}}},
        **problems(401, 403, 404, 422, 503),
    },
)
async def export(caller: AuditReader, query: Annotated[ExportQuery, Query()], audit: Audit) -> StreamingResponse:
    """Export the log, still encrypted, as JSON Lines: a header, then one entry per line.

    The export is recorded first. It can be verified offline with the log's key; the header states the last entry, so
    that truncation is detected.
    """
    lines = await audit.export.begin(caller, query.since, query.until)
    return StreamingResponse(lines, media_type=EXPORT_TYPE)


@router.get(
    "/events/{event_id}/proof",
    response_class=PlainTextResponse,
    responses=problems(401, 403, 404, 409, 422, 503),
)
async def proof(event_id: UUID, caller: LogReader, audit: Audit) -> PlainTextResponse:
    """Return an inclusion proof of the event against the newest checkpoint: a C2SP tlog-proof.

    409 `not-sealed` with `Retry-After` while the event is recorded and no checkpoint covers it yet.
    """
    found = await audit.proofs.sealed(caller.tenant, event_id)
    if found is not None:
        return PlainTextResponse(found.text())
    if await audit.records.get(event_id, tenant=caller.tenant) is None:
        raise Refusal(Kind.NOT_FOUND, "there is no such event for this caller")
    raise Refusal(
        Kind.NOT_SEALED, "the event is recorded; a signed checkpoint will cover it soon", retry_after=_RETRY_SECONDS
    )


@router.get("/checkpoint", response_class=PlainTextResponse, responses=problems(401, 403, 404, 503))
async def checkpoint(caller: LogReader, audit: Audit) -> PlainTextResponse:
    """Return the newest checkpoint of the tenant's log: a C2SP signed note."""
    return PlainTextResponse(await _newest(audit, caller.tenant))


@router.get("/consistency", response_model=ConsistencyBody, responses=problems(401, 403, 404, 422, 503))
async def consistency(
    caller: LogReader,
    audit: Audit,
    old: Annotated[int, Query(alias="from", ge=0, description="Size of the older checkpoint.")],
    new: Annotated[
        int | None, Query(alias="to", ge=0, description="Size of the newer checkpoint; the newest if omitted.")
    ] = None,
) -> JSONResponse:
    """Return the consistency proof between two checkpoints, given by their sizes."""
    newest = parse_checkpoint(parse_note(await _newest(audit, caller.tenant)).text)
    new = newest.size if new is None else new
    path = await audit.proofs.consistency(caller.tenant, old, new)
    hashes = [base64.b64encode(value).decode() for value in path]
    return JSONResponse({"log": newest.origin, "from": old, "to": new, "hashes": hashes})


@router.get("/key", response_class=PlainTextResponse, responses=problems(401, 403, 404, 503))
async def key(caller: LogReader, audit: Audit) -> PlainTextResponse:
    """Return the keys that verify the tenant's checkpoints: C2SP verifier keys, newest first, one per line."""
    found = await audit.signer.public_keys(LOG_KEY)
    versions = sorted(found, key=lambda kid: int(kid.rpartition(":")[2]), reverse=True)
    origin = f"{audit.log_name}/{caller.tenant}"
    public = (base64.urlsafe_b64decode(found[version]["x"] + "=") for version in versions)
    return PlainTextResponse("".join(f"{vkey(origin, one)}\n" for one in public))


async def _newest(audit: Audit, tenant: str) -> str:
    note = await audit.proofs.checkpoint(tenant)
    if note is None:
        raise Refusal(Kind.NOT_FOUND, "no checkpoint of this log has been signed yet")
    return note
