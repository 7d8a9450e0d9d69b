"""``assay up``: the whole stack on one machine, in the foreground."""

import asyncio
import shlex
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer
from rich.markup import escape

from adapters.postgres.migrations import MigrationError
from cli.output import JsonFlag, Output
from config import logs
from config.settings import Settings
from domain.refusals import Refusal
from embedded.bootstrap import DEMO_CLIENTS
from embedded.causes import explained
from embedded.policy import PolicyAtStart
from embedded.process.errors import EmbeddedError
from embedded.process.signals import EndSignals
from embedded.servers.group import EmbeddedServers
from embedded.stack import serve_spec, servers_of

log = structlog.get_logger("assay")


START_ERRORS = (EmbeddedError, MigrationError, Refusal)
"""Errors that keep the stack from starting."""

_UI: Final = "  The UI, in plaintext:  {command} ui    (for auditors; their reads are recorded)"


def start_error(error: Exception) -> str:
    """Return an error's text for a user, with its cause."""
    return explained(error) if isinstance(error, Refusal) else str(error)


def addresses(servers: EmbeddedServers, settings: Settings) -> dict[str, str]:
    """Return the addresses of interest to a user, by name."""
    api = f"http://{settings.api.host}:{settings.api.port}"
    ui = servers.temporal_ui_url
    return {
        "API": api,
        "API description": f"{api}/openapi.json",
        **({"Temporal UI": f"{ui}/namespaces/{settings.temporal.namespace}/workflows"} if ui else {}),
        "Temporal": servers.temporal_address,
        "Vault API": servers.vault_url,
        "PostgreSQL": f"{settings.database.host}:{settings.embedded.postgres_port}, database {settings.database.name}",
        "model": servers.model_url,
        "data": str(servers.layout.root),
    }


def welcome(servers: EmbeddedServers, settings: Settings) -> str:
    """Return the welcome text: addresses and first commands."""
    found = addresses(servers, settings)
    width = max(map(len, found))
    lines = [f"  {name.ljust(width)}  {value}" for name, value in found.items()]
    clients = ", ".join(DEMO_CLIENTS)
    command = _command(settings)
    return "\n".join(
        [
            *lines,
            "",
            f"  A token:     {command} token --client demo    (clients: {clients})",
            f"  An API key:  {command} key create my-agent --client demo    (for SDKs and agents)",
            f'  A question:  {command} submit "Say hello in one short sentence."',
            *([_UI.format(command=command)] if servers.temporal_ui_url else []),
        ]
    )


def about_policy(policy: PolicyAtStart, settings: Settings) -> str | None:
    """Return a remark if the current policy changed or differs from the files, else None."""
    if policy.invalid is not None:
        return f"The policy in {settings.policies_dir} is not valid: {policy.invalid}\nThe current policy stays."
    if policy.differs:
        return (
            f"The policy in {settings.policies_dir} differs from the current one in: {', '.join(policy.differs)}\n"
            f"The current policy stays. To apply the files:  {_command(settings)} policy apply"
        )
    if policy.applied is not None and policy.applied.before is not None:
        return f"Policy {policy.hash} is current now; changed: {', '.join(policy.applied.sections)}"
    return None


def _command(settings: Settings) -> str:
    """Return the command to type, with the data directory if it is not the default."""
    command = sys.argv[0] if sys.argv[0].endswith("assay") else "assay"
    if settings.embedded.data_dir != Settings().embedded.data_dir:  # so that they find their credentials
        command = f"ASSAY_EMBEDDED__DATA_DIR={shlex.quote(str(settings.embedded.data_dir))} {command}"
    return command


def up(
    data_dir: Annotated[Path | None, typer.Option(help="Data directory; replaces ASSAY_EMBEDDED__DATA_DIR.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Start PostgreSQL, OpenBao, Temporal, a model, and Assay itself. Ctrl-C stops everything and keeps the data."""
    settings = Settings()
    if data_dir is not None:
        chosen = settings.embedded.model_copy(update={"data_dir": data_dir})
        settings = settings.model_copy(update={"embedded": chosen})
    logs.configure(settings.log_level, "json" if as_json else "console")
    out = Output(as_json)

    remarks: list[str] = []

    def note(policy: PolicyAtStart) -> None:
        remarks.extend(filter(None, [about_policy(policy, settings)]))

    async def run() -> None:
        began = time.monotonic()
        with EndSignals() as ending:
            async with servers_of(settings, note) as servers:
                await servers.add(serve_spec(servers, settings))
                seconds = round(time.monotonic() - began, 1)
                if as_json:
                    out.value({"ready": True, "seconds": seconds, "addresses": addresses(servers, settings)})
                else:
                    out.console.print(
                        f"{welcome(servers, settings)}\n\nready in {seconds} s. Ctrl-C stops.", soft_wrap=True
                    )
                for remark in remarks:
                    out.note(f"\n[yellow]note:[/yellow] {escape(remark)}")
                await ending.wait()
                out.note("stopping ...")

    try:
        asyncio.run(run())
    except START_ERRORS as error:
        raise out.fail(escape(start_error(error))) from None
