"""The ``assay`` command."""

import sys

from pydantic import ValidationError

from cli.lazy import lazily
from config import logs

app = lazily(
    "A security gateway for AI requests, built on Temporal.",
    {
        "up": "cli.up:up",
        "demo": "cli.demo:demo",
        "doctor": "cli.doctor:doctor",
        "serve": "cli.serve:serve",
        "migrate": "cli.admin:migrate",
        "token": "cli.requests:token",
        "submit": "cli.requests:submit",
        "get": "cli.requests:get",
        "cancel": "cli.requests:cancel",
        "ui": "cli.ui:ui",
        "tenant": "cli.admin:tenants",
        "client": "cli.admin:clients",
        "key": "cli.api_keys:app",
        "team": "cli.teams:app",
        "policy": "cli.policies:app",
        "screen": "cli.screen.tune:app",
        "audit": "cli.audit.commands:app",
    },
)


def main() -> None:
    """Run the command. Invalid settings are reported by name, never by value."""
    logs.configure("warning", "console")  # servers configure their own
    try:
        app()
    except ValidationError as error:
        for wrong in error.errors(include_url=False, include_input=False, include_context=False):
            name = "__".join(str(part) for part in wrong["loc"]).upper()
            sys.stderr.write(f"error: ASSAY_{name}: {wrong['msg']}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
