"""Groups of commands that import a command's module when it is asked for.

Together the commands import most of the gateway, which takes a second; most of them need little of it.
"""

from collections.abc import Mapping
from importlib import import_module

import typer
from typer.core import TyperGroup


def lazily(purpose: str, places: Mapping[str, str]) -> typer.Typer:
    """A group of commands by name, each as ``module:attribute``: a function, or a group of its own."""

    class Group(TyperGroup):
        def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # typer's own, renamed
            del ctx
            return list(places)

        def get_command(self, ctx: typer.Context, cmd_name: str):  # type: ignore[no-untyped-def, override]  # noqa: ANN202 - as above
            del ctx
            place = places.get(cmd_name)
            return None if place is None else _command(cmd_name, place)

    group = typer.Typer(
        cls=Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=purpose
    )
    group.callback()(_no_command)
    return group


def _command(name: str, place: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - typer does not export its type
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        found = alone
    command = typer.main.get_command(found)
    command.name = name
    return command


def _no_command() -> None:
    pass
