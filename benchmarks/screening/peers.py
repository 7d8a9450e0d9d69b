"""Other detectors that install from the package registry, each in a separate process, all in one environment.

They get few environment variables, and are not installed in Assay's environment.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.screening.latency import LENGTHS, texts_of
from benchmarks.screening.measure import ranking
from benchmarks.screening.rows import Row
from benchmarks.tools.figures import percentile
from benchmarks.tools.helper import ROOT

PEERS = ("jailguard", "toolwall-guard", "aicordon")
LOCK = ROOT / "benchmarks/peers/screening.txt"
_CHILD = ROOT / "benchmarks/screening/peer_child.py"
_MARK = "installed-from.json"
_INSTALL_SECONDS = 600
_KEPT = ("PATH", "HOME", "LANG", "JAILGUARD_MODEL_DIR")
_TIMED = 100


class PeerError(Exception):
    """A peer could not be measured, with the reason."""


def install(home: Path) -> Path:
    """Create the peers' environment from its lock file, unless it exists; return its interpreter.

    Raises:
        PeerError: it can't be created.
    """
    python = home / "bin/python"
    wanted = json.dumps({LOCK.name: hashlib.sha256(LOCK.read_bytes()).hexdigest()})
    mark = home / _MARK
    if mark.exists() and mark.read_text() == wanted:
        return python
    shutil.rmtree(home, ignore_errors=True)
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    for command in (
        (sys.executable, "-m", "venv", str(home)),
        (*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK)),
    ):
        try:
            done = subprocess.run(  # noqa: S603 - our own commands
                command, check=False, capture_output=True, text=True, timeout=_INSTALL_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PeerError(f"it could not be installed ({type(error).__name__})") from error
        if done.returncode:
            raise PeerError("it could not be installed: pip says why")
    mark.write_text(wanted)
    return python


def versions() -> dict[str, str]:
    """Return versions of the peers from the lock file."""
    pins = dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", LOCK.read_text()))
    return {name: pins[name] for name in PEERS}


def measure(name: str, python: Path, rows: Sequence[Row]) -> dict[str, Any]:
    """Return a peer's figures on the same texts.

    Raises:
        PeerError: it does not work here.
    """
    judged = _ask(name, python, [row.text for row in rows])
    found = ranking([(one["score"], row.attack) for one, row in zip(judged, rows, strict=True)])
    for kind, attack in (("tpr", True), ("fpr", False)):
        flagged = [one["flagged"] for one, row in zip(judged, rows, strict=True) if row.attack is attack]
        found[f"own_{kind}"] = round(sum(flagged) / len(flagged), 4)
    found["ms"] = {str(length): _timed(name, python, texts_of(rows, length, _TIMED)) for length in LENGTHS}
    return found


def _timed(name: str, python: Path, texts: Sequence[str]) -> dict[str, float]:
    taken = [one["ms"] for one in _ask(name, python, texts)]
    return {"p50_ms": round(percentile(taken, 50), 3), "p99_ms": round(percentile(taken, 99), 3)} if taken else {}


def _ask(name: str, python: Path, texts: Sequence[str]) -> list[dict[str, Any]]:
    given = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ} | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(  # noqa: S603 - our own script
        [str(python), "-I", str(_CHILD), name],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) != len(texts) + 1:
        last = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise PeerError(f"it does not work here ({_brief(last)})")
    return [json.loads(line) for line in lines[1:]]


def _brief(line: str) -> str:
    """Return the error's first words: more could quote a text."""
    return line.partition(":")[0][:60] + (": a download is needed" if "download" in line.lower() else "")
