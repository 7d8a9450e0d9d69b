"""``assay key``: a client's API keys, over HTTP only."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.http.gateway_client import GatewayClient, GatewayReply
from cli.output import JsonFlag, Output
from cli.requests import Client, Url, with_token
from domain.access.api_keys import PREFIX, key_id_of
from embedded.process.files import write_private

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="API keys of a client: long-lived secrets for SDKs and agents, with no more than the client's rights.",
)
KeyArgument = Annotated[str, typer.Argument(help="A key's ID, its visible prefix, or the whole key.")]
SaveTo = Annotated[
    Path | None, typer.Option("--save-to", help="Write the key to this new file (mode 0600) instead of the screen.")
]
_CREATED = 201
_OK = 200


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name of the key, such as the program that will use it.")],
    days: Annotated[
        int | None, typer.Option(help="Life in days; by default the longest that the policy permits.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Alias that the key may use; repeatable. All by default.")
    ] = None,
    per_minute: Annotated[int | None, typer.Option(help="Requests a minute, beside the client's own rate.")] = None,
    save_to: SaveTo = None,
    client: Client = "demo",
    url: Url = None,
    as_json: JsonFlag = False,
) -> None:
    """Make an API key that acts as the client. It is shown once."""
    wanted = {"name": name, "expires_in_days": days, "models": model or None, "requests_per_minute": per_minute}
    body = {field: value for field, value in wanted.items() if value is not None}
    _show_once(Output(as_json), client, url, "/v1/keys", body, save_to)


@app.command("list")
def list_keys(client: Client = "demo", url: Url = None, as_json: JsonFlag = False) -> None:
    """List the client's API keys; for an admin's client those of its tenant."""
    out = Output(as_json)
    reply = _called(out, client, url, lambda gateway, token: gateway.call("GET", "/v1/keys", token=token), _OK)
    if as_json:
        out.value(reply.body["keys"])
        return
    columns = ("id", "name", "state", "expires_at", "last_used_at", "models", "requests_per_minute")
    out.table([{column: _cell(key.get(column)) for column in columns} for key in reply.body["keys"]], "API keys")


@app.command("rotate")
def rotate(
    key: KeyArgument,
    overlap: Annotated[int, typer.Option(help="Seconds for which the old key still works.")] = 3600,
    save_to: SaveTo = None,
    client: Client = "demo",
    url: Url = None,
    as_json: JsonFlag = False,
) -> None:
    """Replace an API key by a new one with the same rights. It is shown once."""
    path = f"/v1/keys/{_id(key)}/rotate"
    _show_once(Output(as_json), client, url, path, {"overlap_seconds": overlap}, save_to)


@app.command("revoke")
def revoke(key: KeyArgument, client: Client = "demo", url: Url = None, as_json: JsonFlag = False) -> None:
    """Revoke an API key: the client's own, or one of the tenant for an admin's client. It ends within 5 seconds."""
    out, path = Output(as_json), f"/v1/keys/{_id(key)}"
    reply = _called(out, client, url, lambda gateway, token: gateway.call("DELETE", path, token=token), _OK)
    out.value(reply.body, f"API key {reply.body['id']} revoked")


def _show_once(
    out: Output, client: str, url: str | None, path: str, body: dict[str, Any], save_to: Path | None
) -> None:
    if save_to is not None and save_to.exists():
        raise out.fail(f"{save_to} already exists")
    reply = _called(
        out, client, url, lambda gateway, token: gateway.call("POST", path, token=token, json=body), _CREATED
    )
    found = dict(reply.body)
    said = f"ID {found['id']}, valid until {found['expires_at']}. It is not shown again."
    if save_to is None:
        out.value(found, f"{found['key']}\n{said}")
        return
    write_private(save_to, found.pop("key").encode())
    out.value({**found, "file": str(save_to)}, f"API key written to {save_to}. {said}")


def _called(
    out: Output,
    client: str,
    url: str | None,
    call: Callable[[GatewayClient, str], Awaitable[GatewayReply]],
    status: int,
) -> GatewayReply:
    """Return the reply if it has the status. Otherwise prints the problem and ends the command."""
    reply = with_token(out, client, url, call)
    if reply.status != status:
        body = reply.body if isinstance(reply.body, dict) else {}
        field = f"{body['field']} " if "field" in body else ""
        raise out.fail(f"{body.get('title', reply.status)}: {field}{body.get('detail', '')}".rstrip(": "))
    return reply


def _id(key: str) -> str:
    """Return the ID in a key, its visible prefix, or an ID. The rest of a key is sent nowhere."""
    return key_id_of(key) or key.removeprefix(PREFIX)[:11]


def _cell(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list) else value
