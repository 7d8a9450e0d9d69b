"""``assay audit erase``, ``hold``, ``holds``, ``release``: over HTTP, as an officer of a tenant.

Erasing a whole tenant requires the operator's AppRole.
"""

import secrets
import sys
from typing import Annotated, Any

import typer

from adapters.http.gateway_client import GatewayClient, GatewayReply
from adapters.system.clock import SystemClock
from adapters.vault.session import ServiceSession
from cli.admin import as_operator
from cli.output import JsonFlag, Output
from cli.requests import Client, Url, with_token
from cli.wiring.erasure import shred_tenant
from config.settings import Settings

Subject = Annotated[
    str | None,
    typer.Option(help="The data subject: a token's 'sub', or an end user's name; '-' reads it from standard input."),
]
_DONE = 300


def erase(
    subject: Subject = None,
    tenant: Annotated[
        str | None, typer.Option(help="Erase this whole tenant instead; requires the operator's access.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm the irreversible erasure of a whole tenant.")] = False,
    client: Client = "admin",
    url: Url = None,
    as_json: JsonFlag = False,
) -> None:
    """Make the records of a data subject, or a whole tenant, permanently unreadable. The log still verifies."""
    out = Output(as_json)
    if (subject is None) == (tenant is None):
        raise out.fail("give either --subject or --tenant", code=2)
    if tenant is not None:
        _erase_tenant(out, tenant, yes)
        return
    body = _call(out, client, url, "POST", "/erasures", {"subject": _given(subject)})
    out.value(body, f"{body['erased_keys']} keys erased")


def _erase_tenant(out: Output, tenant: str, yes: bool) -> None:
    if not yes:
        raise out.fail(f"this makes all data of the tenant '{tenant}' unreadable for ever: confirm with --yes", code=2)

    async def use(session: ServiceSession, settings: Settings) -> bool:
        return await shred_tenant(session, settings, tenant, SystemClock().now(), secrets.token_hex(16))

    as_operator(out, use)
    out.value(
        {"tenant": tenant, "erased": True},
        f"tenant '{tenant}' erased; running processes drop its cached keys within five minutes",
    )


def hold(
    reason: Annotated[str, typer.Option(help="The reason; stored encrypted.")],
    subject: Subject = None,
    tenant_wide: Annotated[bool, typer.Option("--tenant-wide", help="Hold all data of the tenant.")] = False,
    client: Client = "auditor",
    url: Url = None,
    as_json: JsonFlag = False,
) -> None:
    """Place a legal hold on the records of a data subject, or the whole tenant."""
    out = Output(as_json)
    if (subject is None) != tenant_wide:
        raise out.fail("give either --subject or --tenant-wide", code=2)
    whom: dict[str, Any] = {"tenant_wide": True} if tenant_wide else {"subject": _given(subject)}
    body = _call(out, client, url, "POST", "/holds", {**whom, "reason": reason})
    out.value(body, f"legal hold {body['id']} placed")


def holds(client: Client = "auditor", url: Url = None, as_json: JsonFlag = False) -> None:
    """List the tenant's legal holds. Persons appear as keyed hashes, as in records."""
    out = Output(as_json)
    rows = _call(out, client, url, "GET", "/holds")["holds"]
    names = ("id", "state", "tenant_wide", "subject", "placed_at", "first_release_at", "released_at")
    out.table(rows if as_json else [{name: row.get(name) for name in names} for row in rows], "Holds")


def release(
    hold_id: Annotated[str, typer.Argument(metavar="HOLD", help="ID of the legal hold.")],
    client: Client = "auditor",
    url: Url = None,
    as_json: JsonFlag = False,
) -> None:
    """Release a legal hold. Dual control: the first request marks it, a second person releases it."""
    out = Output(as_json)
    body = _call(out, client, url, "POST", f"/holds/{hold_id}/release")
    still = "" if body["state"] == "released" else ": it stays in force until a second person releases it too"
    out.value(body, f"legal hold {body['id']} is {body['state']}{still}")


def _given(subject: str | None) -> str:
    """Return the data subject's name. From standard input, it stays out of shell history and process lists."""
    return sys.stdin.readline().rstrip("\n") if subject == "-" else str(subject)


def _call(out: Output, client: str, url: str | None, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON
    async def use(gateway: GatewayClient, access_token: str) -> GatewayReply:
        return await gateway.call(method, f"/v1/audit{path}", token=access_token, json=body)

    reply = with_token(out, client, url, use)
    if reply.status >= _DONE:
        problem = reply.body or {}
        raise out.fail(f"{reply.status} {problem.get('title')}: {problem.get('detail')}")
    return reply.body
