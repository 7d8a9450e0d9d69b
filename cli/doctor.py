"""``assay doctor``: checks of this machine's ability to run the stack, with remedies."""

import asyncio
from dataclasses import asdict

import typer

from cli.output import JsonFlag, Output
from config.settings import Settings
from embedded.doctor import examine

_MARKS = {"ok": "[green]ok[/green]", "warn": "[yellow]warn[/yellow]", "fail": "[red]fail[/red]"}


def doctor(as_json: JsonFlag = False) -> None:
    """Check this machine for 'assay up' and explain problems. Changes nothing."""
    out = Output(as_json)
    checks = asyncio.run(examine(Settings()))
    if as_json:
        out.value([asdict(check) for check in checks])
    else:
        for check in checks:
            out.console.print(f"{_MARKS[check.outcome]:<22} {check.name}: {check.explanation}", soft_wrap=True)
            if check.remedy:
                out.console.print(f"       -> {check.remedy}", soft_wrap=True)
    if any(check.outcome == "fail" for check in checks):
        raise typer.Exit(1)
