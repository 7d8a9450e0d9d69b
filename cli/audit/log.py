"""``assay audit verify-log``: verification of the whole log, or of a receipt, against the store and Vault."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape

from adapters.vault.session import ServiceSession
from cli.output import JsonFlag, Output
from cli.wiring.log_verification import verify_log as verify_stored
from cli.wiring.log_verification import verify_merge_delay
from config.settings import Settings
from domain.refusals import Refusal
from domain.transparency.verification import TenantAudit
from embedded.causes import explained
from embedded.operator_access import operator_session
from embedded.places import local_settings
from services.verification.merge_delay import BROKEN as DELAY_EXCEEDED
from services.verification.receipts import ReceiptInvalid
from services.verification.run import LogReport

Result = TypeVar("Result")
BROKEN, UNKNOWN = 1, 2
"""Exit codes: the log is broken; the log can't be verified now."""


def verify_log(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's log.")] = None,
    since: Annotated[
        int, typer.Option(min=0, help="First leaf and record to read; earlier ones are represented by stored tiles.")
    ] = 0,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint kept by you or by a witness. Repeatable.")
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option(help="Check only whether the event of this receipt is in the log.", exists=True)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Verify the whole log from the store: records, leaves, tiles, checkpoints, and Vault's last checkpoint.

    Exit code 0: it holds. 1: it is broken. 2: it can't be checked now.
    """
    out = Output(as_json)
    if receipt is not None:
        _verify_receipt(out, receipt)
        return
    try:
        notes = [path.read_text("utf-8") for path in checkpoint or ()]
    except (OSError, UnicodeDecodeError):
        raise out.fail("can't be checked: a checkpoint can't be read", UNKNOWN) from None
    report = _as_operator(
        out, lambda session, settings: verify_stored(session, settings, tenant=tenant, since=since, kept=notes)
    )
    out.value(
        as_values(report), "\n".join(line for audit in report.tenants for line in lines(audit)) or "no log exists yet"
    )
    if not report.holds:
        raise typer.Exit(BROKEN)


def _verify_receipt(out: Output, path: Path) -> None:
    try:
        document = json.loads(path.read_text("utf-8"))
        delay = _as_operator(out, lambda session, settings: verify_merge_delay(session, settings, document))
    except (ReceiptInvalid, ValueError, AttributeError) as error:
        reason = str(error) if isinstance(error, ReceiptInvalid) else "it is not a receipt"
        raise out.fail(f"broken: {reason}", BROKEN) from None
    out.value(asdict(delay), f"{delay.state}: {delay.detail}")
    if delay.state == DELAY_EXCEEDED:
        raise typer.Exit(BROKEN)


def _as_operator(out: Output, use: Callable[[ServiceSession, Settings], Awaitable[Result]]) -> Result:
    """Run as ``cli.admin.as_operator``; an unavailable server gives exit code 2, since the log is unverified."""
    settings = local_settings(Settings())

    async def run() -> Result:
        async with operator_session(settings) as session:
            return await use(session, settings)

    try:
        return asyncio.run(run())
    except Refusal as error:
        raise out.fail(f"can't be checked: {explained(error)}", UNKNOWN) from None


def as_values(report: LogReport) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {"holds": report.holds, "events": report.events, "tenants": [_tenant(audit) for audit in report.tenants]}


def lines(audit: TenantAudit) -> list[str]:
    """Format the report on a tenant's log as lines of text."""
    state = "[green]holds[/green]" if audit.holds else "[red]broken[/red]"
    span = f"{audit.size} events" if not audit.since else f"events {audit.since} to {audit.size - 1}"
    signed = f"{audit.checkpoints} checkpoints, the newest over {audit.signed_size}"
    away = f", {audit.archived} records archived" if audit.archived else ""
    return [
        f"{escape(audit.tenant)}: {state}, {span}, {signed}, {audit.pending} pending{away}",
        *(f"  {'first' if place == 0 else 'also'}: {finding}" for place, finding in enumerate(audit.findings)),
        *(f"  [yellow]warning[/yellow]: {warning}" for warning in audit.warnings),
    ]


def _tenant(audit: TenantAudit) -> dict[str, Any]:
    found = [{**asdict(finding), "fault": finding.fault.value} for finding in audit.findings]
    return {**asdict(audit), "holds": audit.holds, "root": audit.root.hex() or None, "findings": found}
