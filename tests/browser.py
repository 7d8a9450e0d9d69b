"""Headless Chromium, where there is one."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1400,1500",
)


def chromium() -> str:
    """The browser's program. Skips the test where there is none, unless ASSAY_REQUIRE_BROWSER=1 forbids that."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None and os.environ.get("ASSAY_REQUIRE_BROWSER") == "1":
        pytest.fail("ASSAY_REQUIRE_BROWSER is set, but there is no Chromium")
    if found is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    return found


def visit(url: str, profile: Path, *arguments: str) -> str:
    """Open a page with a profile of its own, let its scripts run for a while, and give what the browser prints."""
    command = [chromium(), *_FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=20000", *arguments, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout
