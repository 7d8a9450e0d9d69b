"""Every command is where the table says, and none pays for another's imports."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from cli import main
from cli.audit import commands
from tests.paths import ROOT

HEAVY = ("aiohttp", "asyncpg", "hvac", "temporalio", "onnxruntime")


def names(app: typer.Typer) -> list[str]:
    group = typer.main.get_command(app)
    return group.list_commands(typer.Context(group))


@pytest.mark.parametrize(
    "command", [*([name] for name in names(main.app)), *(["audit", name] for name in names(commands.app))]
)
def test_each_command_explains_itself(command: list[str]) -> None:
    done = CliRunner().invoke(main.app, [*command, "--help"])
    assert done.exit_code == 0, done.output
    assert f"Usage: root {' '.join(command)} " in done.output


@pytest.mark.parametrize(("wrong", "meant"), [(["tokn"], "token"), (["audit", "verfy"], "verify"), (["zzzz"], None)])
def test_a_command_that_does_not_exist_is_a_wrong_call(wrong: list[str], meant: str | None) -> None:
    done = CliRunner().invoke(main.app, wrong)
    assert done.exit_code == 2
    assert f"No such command '{wrong[-1]}'" in done.output
    assert ("Did you mean" in done.output) == (meant is not None)
    assert f"'{meant}'" in done.output or meant is None


@pytest.mark.parametrize("command", [["token"], ["submit"], ["get"], ["audit", "verify"]])
def test_a_client_imports_no_server(command: list[str]) -> None:
    script = (
        "import sys\nfrom cli.main import main\n"
        f"sys.argv = ['assay', *{command!r}, '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set({HEAVY!r}) & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
