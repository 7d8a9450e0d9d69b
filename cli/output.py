"""Output of commands: rich text for people, one JSON value with ``--json``. Diagnostics go to standard error."""

import json
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
UNKNOWN_KEY = 3
"""Exit code of a verification that lacks a key: neither valid nor invalid."""

_WIDE = 240  # columns for output without a terminal: a file, a pipe


@dataclass(frozen=True)
class Output:
    """Printer of one command's output."""

    as_json: bool
    console: Console = field(default_factory=lambda: Console(highlight=False))
    errors: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    def value(self, value: Any, text: str | None = None) -> None:  # noqa: ANN401 - any JSON
        """Print a result: ``text`` for people, ``value`` as JSON."""
        if self.as_json or text is None:
            self.console.print_json(json.dumps(value, default=str))
        else:
            self.console.print(text, soft_wrap=True)

    def table(self, rows: list[dict[str, Any]], title: str) -> None:
        """Print rows with the same keys."""
        if self.as_json:
            self.console.print_json(json.dumps(rows, default=str))
            return
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for name in rows[0] if rows else ("nothing",):
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        if not self.console.is_terminal:
            self.console.width = _WIDE  # a width for one print alone is cut to the console's
        self.console.print(table)

    def note(self, text: str) -> None:
        """Print a message that is not part of the result."""
        self.errors.print(text, soft_wrap=True)

    def fail(self, text: str, code: int = 1) -> typer.Exit:
        """Print an error; the caller raises the returned exception."""
        if self.as_json:
            self.errors.print_json(json.dumps({"error": text}))
        else:
            self.errors.print(f"[red]error:[/red] {text}", soft_wrap=True)
        return typer.Exit(code)
