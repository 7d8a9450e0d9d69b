"""Command groups that import a command's module on first use.

Importing all commands loads most of the gateway, which takes a second; most commands need little of it.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup


class _Commands(Mapping[str, Any]):
    """Commands by name, created on lookup. (typer does not export their type.)"""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - see above
        module, _, attribute = self._places[name].partition(":")
        found = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False)
            alone.command(name)(found)
            found = alone
        command = typer.main.get_command(found)
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def lazily(purpose: str, places: Mapping[str, str]) -> typer.Typer:
    """Make a group of commands, each given as ``module:attribute``: a function, or a group of its own."""

    class Group(TyperGroup):
        def __init__(self, **given: Any) -> None:  # noqa: ANN401 - typer's
            super().__init__(**given)
            self.commands = _Commands(places)  # type: ignore[assignment]  # it is never extended

        def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # typer's own, renamed
            del ctx
            return list(places)

    group = typer.Typer(
        cls=Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=purpose
    )
    group.callback()(_no_command)
    return group


def _no_command() -> None:
    pass
