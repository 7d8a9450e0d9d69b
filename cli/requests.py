"""``assay token``, ``submit``, ``get``, ``cancel``: a submitter's commands, over HTTP only."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.http.gateway_client import GatewayClient, GatewayReply
from cli.output import JsonFlag, Output
from config.settings import Settings
from domain.refusals import Refusal
from embedded.places import places

Client = Annotated[str, typer.Option("--client", help="OAuth client whose credentials are in the data directory.")]
Url = Annotated[str | None, typer.Option("--url", help="Base URL of the API; taken from the settings by default.")]
_OK = 200
_ACCEPTED = 202


def base_url(settings: Settings, url: str | None) -> str:
    """Return the base URL of the API."""
    return url or f"http://{settings.api.host}:{settings.api.port}"


def credentials(settings: Settings, client_id: str) -> tuple[str, str]:
    """Return a client's ID and secret from the file written at its creation.

    Raises:
        FileNotFoundError: there is none.
    """
    found = json.loads(Path(places(settings).client(client_id)).read_text("utf-8"))
    return str(found["client_id"]), str(found["client_secret"])


def with_token(
    out: Output, client: str, url: str | None, use: Callable[[GatewayClient, str], Awaitable[GatewayReply]]
) -> GatewayReply:
    """Call ``use`` with an API client and an access token. Errors are printed and end the command."""
    settings = Settings()

    async def run() -> GatewayReply:
        async with GatewayClient(base_url(settings, url)) as gateway:
            return await use(gateway, await gateway.token(*credentials(settings, client)))

    try:
        return asyncio.run(run())
    except FileNotFoundError:
        raise out.fail(
            f"no credentials for client '{client}': is 'assay up' running with this data directory?"
        ) from None
    except Refusal as refusal:
        raise out.fail(refusal.detail) from None


def _print(out: Output, reply: GatewayReply) -> None:
    body: Any = reply.body
    run = body.get("run", body) if isinstance(body, dict) else {}
    if reply.status in (_OK, _ACCEPTED):
        answer = (run.get("result") or {}).get("content")
        out.value(body, answer if answer is not None else f"{run.get('id')}: {run.get('status')}")
        return
    out.value(
        body, f"[red]{reply.status}[/red] {body.get('title')}: {body.get('detail')}" if body else str(reply.status)
    )
    raise typer.Exit(1)


def token(client: Client = "demo", url: Url = None, as_json: JsonFlag = False) -> None:
    """Print an access token."""
    out = Output(as_json)

    async def use(_gateway: GatewayClient, access_token: str) -> GatewayReply:
        return GatewayReply(_OK, {}, access_token)

    found = with_token(out, client, url, use).body
    out.value({"access_token": found}, found)


def submit(
    prompt: Annotated[str, typer.Argument(help="The prompt.")],
    model: Annotated[str, typer.Option(help="Alias of a model in policies/models.yaml.")] = "smollm2",
    max_tokens: Annotated[int | None, typer.Option(help="Maximum number of tokens in the answer.")] = None,
    key: Annotated[
        str | None, typer.Option("--idempotency-key", help="Requests with the same key return the same run.")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return at once, without waiting for the answer.")] = False,
    client: Client = "demo",
    url: Url = None,
    as_json: JsonFlag = False,
) -> None:
    """Submit a governed request to a model and print its answer."""
    body: dict[str, Any] = {"model": model, "prompt": prompt}
    if max_tokens is not None:
        body["max_tokens"] = max_tokens
    headers = {"Prefer": "respond-async"} if no_wait else {}
    if key is not None:
        headers["Idempotency-Key"] = key

    async def use(gateway: GatewayClient, access_token: str) -> GatewayReply:
        return await gateway.call("POST", "/v1/inferences", token=access_token, json=body, headers=headers)

    out = Output(as_json)
    _print(out, with_token(out, client, url, use))


def get(
    run_id: Annotated[str, typer.Argument(help="A run's ID.")],
    client: Client = "demo",
    url: Url = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the current state of a run."""

    async def use(gateway: GatewayClient, access_token: str) -> GatewayReply:
        return await gateway.call("GET", f"/v1/inferences/{run_id}", token=access_token)

    out = Output(as_json)
    _print(out, with_token(out, client, url, use))


def cancel(
    run_id: Annotated[str, typer.Argument(help="A run's ID.")],
    client: Client = "demo",
    url: Url = None,
    as_json: JsonFlag = False,
) -> None:
    """Request a run's cancellation."""

    async def use(gateway: GatewayClient, access_token: str) -> GatewayReply:
        return await gateway.call("POST", f"/v1/inferences/{run_id}/cancel", token=access_token)

    out = Output(as_json)
    _print(out, with_token(out, client, url, use))
