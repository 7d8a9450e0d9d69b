"""Other gateways: LiteLLM's proxy with its content filter, and Portkey's gateway. Neither keeps a durable record.

Each is installed here only: into a folder of the benchmark's cache, from a separate lock file.
"""

import asyncio
import hashlib
import json
import re
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import psutil
import yaml

from benchmarks.gateway.load.prompts import PROMPT
from benchmarks.gateway.subjects.base import Bench, Load, Measured, NotMeasuredError, job, post
from benchmarks.gateway.subjects.children import children_in, pid_of
from benchmarks.gateway.subjects.guard import require_guard
from benchmarks.tools.helper import ROOT
from embedded.process.child import ChildSpec
from embedded.process.ports import LOOPBACK, unused_ports
from embedded.process.probes import http_ready
from embedded.servers.group import EmbeddedServers

_LOCKS = ROOT / "benchmarks/peers"
_KEY = "sk-benchmark-only"
_INSTALL_SECONDS = 900.0
_START_SECONDS = 180.0


class Peer(ABC):
    """Common parts of the other gateways: an installation, one child, the OpenAI wire format.

    ``guarded``: it screens prompts, which is checked before it is measured.
    """

    share = 1.0

    def __init__(self, bench: Bench, name: str, *, guarded: bool) -> None:
        self.name = name
        self._guarded = guarded
        self._bench = bench
        self._children: EmbeddedServers | None = None
        self._port = 0

    async def start(self) -> None:
        """See ``Subject``."""
        home = self._bench.cache / self.name
        try:
            await self._install(home)
        except (OSError, TimeoutError, InstallError) as error:
            raise NotMeasuredError(f"it could not be installed ({type(error).__name__}: {error})") from error
        self._children = await children_in(self._bench, self.name)
        [self._port] = unused_ports(1)
        await self._children.add(self._spec(home, self._children.layout.root))
        _require_loopback(pid_of(self._children, self.name))
        if self._guarded:
            await require_guard(self.target(), PROMPT)

    def target(self) -> Mapping[str, Any]:
        """Return the load generator's request."""
        body = {"model": "fake", "messages": [{"role": "user", "content": PROMPT}]}
        holds = ("choices.0.message.content",)
        return post(self._port, "/v1/chat/completions", body, holds=holds, headers=self._headers())

    async def run(self, load: Load) -> Measured:
        """See ``Subject``."""
        return await self._bench.generator.ask(target=self.target(), **job(load))

    def processes(self) -> Mapping[str, Sequence[int]]:
        """See ``Subject``."""
        return {"ours": [pid_of(self._children, self.name)] if self._children else []}

    async def facts(self) -> Mapping[str, Any]:
        """See ``Subject``."""
        return {}

    @abstractmethod
    async def _install(self, home: Path) -> None:
        """Install the gateway, unless it is installed."""

    @abstractmethod
    def _spec(self, home: Path, scratch: Path) -> ChildSpec:
        """Return its start command."""

    @abstractmethod
    def _headers(self) -> Mapping[str, str]:
        """Return headers that a request needs besides its body."""


class LiteLLM(Peer):
    """One worker, no database: so without keys of its own, budgets and spend records."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench, "litellm", guarded=True)

    async def _install(self, home: Path) -> None:
        lock = _LOCKS / "requirements.txt"
        async with _Installation(home, lock) as installation:
            if installation.needed:
                await _run(sys.executable, "-m", "venv", str(home))
                pip = (str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
                await _run(*pip, "--no-deps", "--require-hashes", "--requirement", str(lock))

    def _spec(self, home: Path, scratch: Path) -> ChildSpec:
        config = {
            "model_list": [
                {
                    "model_name": "fake",
                    "litellm_params": {
                        "model": "openai/fake",
                        "api_base": self._bench.model_url,
                        "api_key": "none",
                    },
                }
            ],
            "litellm_settings": {"num_retries": 0},
            "general_settings": {"master_key": _KEY},
            "guardrails": [
                {
                    "guardrail_name": "content-filter",
                    "litellm_params": {
                        "guardrail": "litellm_content_filter",
                        "mode": "pre_call",
                        "default_on": True,
                        "categories": [{"category": "prompt_injection_jailbreak", "enabled": True, "action": "BLOCK"}],
                    },
                }
            ],
        }
        path = scratch / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        program = (str(home / "bin/litellm"), "--config", str(path), "--host", LOOPBACK, "--port", str(self._port))
        return ChildSpec(
            name=self.name,
            argv=(*program, "--num_workers", "1"),
            ready=partial(http_ready, self._port, "/health/liveliness"),
            port=self._port,
            env={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"},
            cwd=scratch,
            ready_timeout_seconds=_START_SECONDS,
        )

    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {_KEY}"}


class Portkey(Peer):
    """By default it listens on all interfaces; a script loaded first restricts it to loopback."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench, "portkey", guarded=False)

    async def _install(self, home: Path) -> None:
        if not (npm := shutil.which("npm")) or not shutil.which("node"):
            raise InstallError("there is no Node.js with npm here")
        lock = _LOCKS / "package-lock.json"
        async with _Installation(home, lock) as installation:
            if installation.needed:
                await asyncio.to_thread(_copy, (_LOCKS / "package.json", lock), home)
                await _run(npm, "ci", "--prefix", str(home), "--no-audit", "--no-fund", "--ignore-scripts")

    def _spec(self, home: Path, scratch: Path) -> ChildSpec:
        script = home / "node_modules/@portkey-ai/gateway/build/start-server.js"
        return ChildSpec(
            name=self.name,
            argv=(
                *(str(shutil.which("node")), "--require", str(_LOCKS / "loopback.cjs")),
                *(str(script), "--headless", f"--port={self._port}"),
            ),
            ready=partial(http_ready, self._port, "/"),
            port=self._port,
            cwd=scratch,
            ready_timeout_seconds=_START_SECONDS,
        )

    def _headers(self) -> Mapping[str, str]:
        custom = {"x-portkey-provider": "openai", "x-portkey-custom-host": self._bench.model_url}
        return {"Authorization": "Bearer none", **custom}


def peer_versions() -> dict[str, str]:
    """Return versions of the other gateways from their lock files."""
    pins = dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", (_LOCKS / "requirements.txt").read_text()))
    packages = json.loads((_LOCKS / "package-lock.json").read_text())["packages"]
    portkey = packages["node_modules/@portkey-ai/gateway"]["version"]
    return {"litellm": pins["litellm"], "portkey": str(portkey)}


class InstallError(Exception):
    """A gateway can't be installed here."""


class _Installation:
    """A folder with a lock file's packages, recreated if they differ."""

    def __init__(self, home: Path, lock: Path) -> None:
        self._home = home
        self._mark = home / "installed-from.json"
        self._wanted = json.dumps({lock.name: hashlib.sha256(lock.read_bytes()).hexdigest()})
        self.needed = False

    async def __aenter__(self) -> Self:
        self.needed = not self._mark.exists() or self._mark.read_text() != self._wanted
        if self.needed:
            shutil.rmtree(self._home, ignore_errors=True)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._mark.write_text(self._wanted)


def _copy(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy(file, folder / file.name)


def _require_loopback(pid: int) -> None:
    """Check that a gateway listens on loopback only."""
    root = psutil.Process(pid)
    connections = [c for process in (root, *root.children(recursive=True)) for c in process.net_connections("tcp")]
    if any(c.status == psutil.CONN_LISTEN and c.laddr.ip not in (LOOPBACK, "::1") for c in connections):
        raise NotMeasuredError("it listens on other addresses than loopback")


async def _run(*argv: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(_INSTALL_SECONDS):
            said, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:] or ["nothing said"]
        raise InstallError(f"{Path(argv[0]).name}: {last[0][:200]}")
