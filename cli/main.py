"""The ``assay`` command."""

import sys

import typer
from pydantic import ValidationError

from cli import admin, archives, audit, custody, demo, doctor, requests, screen, screen_tune, serve, teams, ui, up
from config import logs

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A security gateway for AI requests, built on Temporal.",
)
app.command()(up.up)
app.command()(demo.demo)
app.command()(doctor.doctor)
app.command()(serve.serve)
app.command()(admin.migrate)
app.command()(requests.token)
app.command()(requests.submit)
app.command()(requests.get)
app.command()(requests.cancel)
app.command()(ui.ui)
app.add_typer(admin.tenants, name="tenant")
app.add_typer(admin.clients, name="client")
app.add_typer(teams.app, name="team")
screen.app.command("tune")(screen_tune.tune)
app.add_typer(screen.app, name="screen")
audit.app.command("archive")(archives.archive)
audit.app.command("archives")(archives.archives)
audit.app.command("restore")(archives.restore)
custody.add_to(audit.app)
app.add_typer(audit.app, name="audit")


def main() -> None:
    """Run the command. Settings that don't hold are told by name, never by value."""
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
