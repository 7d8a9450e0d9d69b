"""``assay ui``: Temporal's UI with payloads in plaintext, for permitted readers."""

import html
import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from adapters.http.gateway_client import GatewayClient, GatewayReply
from cli.output import JsonFlag, Output
from cli.requests import Client, Url, base_url, with_token
from config.settings import Settings
from embedded.places import places
from embedded.process.files import write_private

_CREATED = 201
_PAGE = """<!doctype html>
<meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={address}">
<title>Assay</title><a href="{address}">Open Temporal's UI</a>
"""


def ui(
    run: Annotated[str | None, typer.Argument(help="ID of the run to show.")] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address only.")] = False,
    client: Client = "auditor",
    url: Url = None,
    as_json: JsonFlag = False,
) -> None:
    """Open Temporal's UI in a browser session that shows payloads in plaintext. Each access is recorded."""
    out = Output(as_json)
    settings = Settings()

    async def use(gateway: GatewayClient, access_token: str) -> GatewayReply:
        wanted = {} if run is None else {"run": run}
        return await gateway.call("POST", "/codec/tickets", token=access_token, json=wanted)

    reply = with_token(out, client, url, use)
    if reply.status != _CREATED:
        body = reply.body if isinstance(reply.body, dict) else {}
        raise out.fail(f"{body.get('title', reply.status)}: {body.get('detail', 'the API gave no ticket')}")
    address = base_url(settings, url) + str(reply.body["location"])
    opened = not (no_open or as_json) and _open(address, places(settings).root)
    seconds, minutes = reply.body["expires_in"], reply.body["session_seconds"] // 60
    out.value(
        {"address": address, "expires_in": seconds, "session_seconds": reply.body["session_seconds"]},
        f"{'opened' if opened else 'open'} in your browser; valid once, and for {seconds} s:\n  {address}\n"
        f"The UI then shows payloads in plaintext for {minutes} minutes; each access is recorded by user and run.",
    )


def _open(address: str, folder: Path) -> bool:
    """Open the address through a private file: process arguments are visible to other users."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False  # the only browser found would be one in text mode
    if not folder.is_dir():
        return False
    page = folder / "ui.html"
    write_private(page, _PAGE.format(address=html.escape(address, quote=True)).encode())
    try:
        return webbrowser.open(page.as_uri())
    except (OSError, webbrowser.Error):
        return False
