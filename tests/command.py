"""The ``assay`` command as a person runs it: a process of its own, configured by its environment."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from config.settings import Settings
from embedded.places import as_environment
from tests.paths import ROOT

ASSAY = [sys.executable, "-m", "cli.main"]


def environment(settings: Settings) -> dict[str, str]:
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    own = {"ASSAY_EMBEDDED": settings.embedded.model_dump_json()}
    own["ASSAY_API"] = settings.api.model_dump_json(exclude_unset=True)  # with defaults it would say where to spool
    here = as_environment(settings)
    return keep | own | {name: here[name] for name in ("ASSAY_POLICIES_DIR", "ASSAY_PROVIDER_URLS")}


async def run_assay(
    settings: Settings, *arguments: str, more: Mapping[str, str] | None = None
) -> tuple[int | None, str, str]:
    """Its exit code, and what it printed for programs and for people. ``more`` is added to its environment."""
    process = await asyncio.create_subprocess_exec(
        *ASSAY,
        *arguments,
        cwd=ROOT,
        env=environment(settings) | dict(more or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    return process.returncode, out.decode(), errors.decode()


async def assay(settings: Settings, *arguments: str) -> Any:
    """Return the JSON output of a successful command."""
    code, out, errors = await run_assay(settings, *arguments, "--json")
    assert code == 0, out + errors
    return json.loads(out)
