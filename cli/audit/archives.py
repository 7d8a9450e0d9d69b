"""``assay audit archive|archives|restore``: archiving of the audit log by an operator."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from adapters.archive.opening import ArchiveParts
from adapters.archive.store import PostgresArchives
from adapters.postgres.pool import PostgresPool
from adapters.system.clock import SystemClock
from adapters.vault.session import ServiceSession
from adapters.vault.setup.setup import issue_secret_id
from cli.admin import as_operator
from cli.output import JsonFlag, Output
from config import roles
from config.settings import AppRoleSettings, Settings
from domain.transparency.archive import ArchiveInvalid, MonthReport, MonthStays, month_name, month_of
from embedded.process.files import write_private
from services.archiving.months import LogMonthArchiver

Result = TypeVar("Result")
_WRAP_TTL = "60s"


def archive(
    month: Annotated[str | None, typer.Option(help="Only this month, YYYY-MM; by default all that are due.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be archived; change nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Archive months past the retention period: write files, verify them, and drop the months from the database."""
    out = Output(as_json)
    wanted = _month(out, month) if month else None

    async def use(archiver: LogMonthArchiver) -> list[MonthReport]:
        months = [wanted] if wanted else await archiver.due()
        return [await (archiver.rehearse(one) if dry_run else archiver.archive(one)) for one in months]

    reports = _as_archiver(out, use)
    out.table([_shown(report) for report in reports], "Months to be archived" if dry_run else "Months")
    if any(report.state == "kept" for report in reports) and wanted:
        raise typer.Exit(1)


def archives(as_json: JsonFlag = False) -> None:
    """List the archives: each month's files, and whether the month is in the database too."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> list[dict[str, Any]]:
        pool = PostgresPool(session, settings.database, roles.AUDITOR_LOGIN.name, mount=settings.vault.database_mount)
        await pool.start()
        try:
            noted = await PostgresArchives(pool).noted()
        finally:
            await pool.close()
        return [
            {
                "month": month_name(found.month),
                "tenant": found.tenant,
                "rows": found.rows,
                "file": found.place,
                "sha256": found.sha256.hex(),
                "archived": found.archived_at.isoformat(timespec="seconds"),
                "state": _state(found.dropped_at is not None, found.restored_at is not None),
            }
            for found in noted
        ]

    rows = as_operator(out, use)
    out.table(rows if as_json else [{k: v for k, v in row.items() if k != "sha256"} for row in rows], "Archives")


def restore(
    month: Annotated[str, typer.Argument(help="YYYY-MM")],
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's records.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Restore a month to the log after verifying it. It is archived again after 30 days."""
    out = Output(as_json)
    wanted = _month(out, month)
    report = _as_archiver(out, lambda archiver: archiver.restore(wanted, tenant))
    out.value(_shown(report), f"{report.month}: {report.rows} records of {', '.join(report.tenants)} restored")


def _state(dropped: bool, restored: bool) -> str:
    if not dropped:
        return "being archived"
    return "restored" if restored else "archived"


def _shown(report: MonthReport) -> dict[str, Any]:
    return {**asdict(report), "tenants": ", ".join(report.tenants)}


def _month(out: Output, text: str) -> date:
    try:
        return month_of(text)
    except ValueError:
        raise out.fail("month: must have the form YYYY-MM", 2) from None


def _as_archiver(out: Output, use: Callable[[LogMonthArchiver], Awaitable[Result]]) -> Result:
    """Run a command with the archiver's AppRole, issued by the operator, so Vault audits it."""

    async def run(operator: ServiceSession, settings: Settings) -> Result:
        async with AsyncExitStack() as stack:
            session = ServiceSession(settings.vault, await _let_in(stack, operator, settings))
            stack.push_async_callback(session.close)
            await session.start()
            parts = await ArchiveParts.open(stack, settings, session)
            return await use(LogMonthArchiver(parts, SystemClock(), settings.audit.retention_months))

    try:
        return as_operator(out, run)
    except (ArchiveInvalid, MonthStays) as refused:
        raise out.fail(str(refused)) from None


async def _let_in(stack: AsyncExitStack, operator: ServiceSession, settings: Settings) -> AppRoleSettings:
    """Write AppRole credentials to private files, removed when the command ends."""
    issued = await operator.call(
        lambda client: issue_secret_id(client, roles.ARCHIVER.approle, _WRAP_TTL, mount=settings.vault.approle_mount)
    )
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-")))
    found = AppRoleSettings(role_id_file=folder / "role-id", secret_id_file=folder / "secret-id")
    await asyncio.to_thread(write_private, folder / "role-id", issued.role_id.encode())
    await asyncio.to_thread(write_private, folder / "secret-id", issued.wrapping_token.encode())
    return found
