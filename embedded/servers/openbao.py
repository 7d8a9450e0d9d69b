"""OpenBao with raft storage and auto-unseal: the Vault API on loopback, for one machine.

The unseal key is stored with the data, both readable by their owner only: access to the data directory is access to the
secrets. That is the trust model of a single machine; production runs its own Vault.
"""

import http.client
import json
import os
import shutil
from http import HTTPStatus
from pathlib import Path
from string import Template

from embedded.process.child import ChildSpec
from embedded.process.errors import EmbeddedError, StateLostError
from embedded.process.files import write_private
from embedded.process.layout import Layout
from embedded.process.ports import LOOPBACK
from embedded.process.probes import request
from embedded.process.wheels import openbao_program

NAME = "openbao"
_KEY_BYTES = 32  # AES-256-GCM, the only key type of the static seal
_INIT_PATH = "/v1/sys/init"
_INIT_SECONDS = 25.0

# For a single node: the shortest delay before it elects itself, a second instead of up to ten on the first start.
_CONFIG = Template("""\
storage "raft" {
  path    = $raft
  node_id = "assay"
  performance_multiplier = 1
}
listener "tcp" {
  address         = "$host:$port"
  cluster_address = "$host:$cluster_port"
  tls_disable     = true
}
seal "static" {
  current_key_id = "1"
  current_key    = $key
}
api_addr     = "http://$host:$port"
cluster_addr = "https://$host:$cluster_port"
log_level    = "warn"
ui           = false
""")


class OpenBaoServer:
    """OpenBao's files and the child that serves them. Initialised on its first start."""

    def __init__(self, layout: Layout, port: int, cluster_port: int) -> None:
        self._layout = layout
        self._port = port
        self._cluster_port = cluster_port
        self._home = layout.root / NAME
        self._raft = self._home / "raft"
        self._config = self._home / "config.hcl"
        self._unseal_key = layout.secrets / "openbao_unseal_key"
        self._init_file = layout.secrets / "openbao_init.json"

    @property
    def url(self) -> str:
        """Return the base address of the Vault API."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def root_token(self) -> str:
        """Return the root token, created at OpenBao's initialisation, read from its file."""
        return str(json.loads(self._init_file.read_text("ascii"))["root_token"])

    def spec(self) -> ChildSpec:
        """Return the child. It is ready once it is unsealed and active; at first it is initialised."""
        return ChildSpec(
            name=NAME,
            argv=(str(openbao_program()), "server", f"-config={self._config}"),
            ready=self._active,
            port=self._port,
            cwd=self._layout.root,
            before_start=self._prepare,
        )

    async def _prepare(self) -> None:
        parts = (self._raft, self._unseal_key, self._init_file)
        missing = [path for path in parts if not path.exists()]
        if missing and self._layout.bootstrap_marker.exists():
            names = ", ".join(str(path.relative_to(self._layout.root)) for path in missing)
            raise StateLostError(
                f"{names} is missing from a data directory that was set up before: restore it from a backup"
            )
        if missing:  # a first start, or one interrupted before the root token was stored: it contains nothing of value
            shutil.rmtree(self._home, ignore_errors=True)
            self._init_file.unlink(missing_ok=True)
            write_private(self._unseal_key, os.urandom(_KEY_BYTES))
        for directory in (self._home, self._raft):
            directory.mkdir(mode=0o700, exist_ok=True)
        write_private(self._config, self._render().encode())

    def _render(self) -> str:
        return _CONFIG.substitute(
            raft=_quoted(self._raft),
            key=_quoted(f"file://{self._unseal_key}"),
            host=LOOPBACK,
            port=self._port,
            cluster_port=self._cluster_port,
        )

    async def _active(self) -> bool:
        try:
            status = (await request("GET", self._port, "/v1/sys/health")).status
            if status == HTTPStatus.NOT_IMPLEMENTED:  # OpenBao's status if it is not initialised
                await self._initialise()
        except (OSError, http.client.HTTPException):
            return False
        return status == HTTPStatus.OK

    async def _initialise(self) -> None:
        """Initialise, and store root token and recovery key at once: they can't be requested again."""
        if self._init_file.exists():
            raise StateLostError(f"{self._raft} is empty although {self._init_file} exists: restore it from a backup")
        body = {"recovery_shares": 1, "recovery_threshold": 1}
        try:
            answer = await request("PUT", self._port, _INIT_PATH, body=body, timeout_seconds=_INIT_SECONDS)
        except (OSError, http.client.HTTPException):  # it may have succeeded, with its response lost
            raise EmbeddedError("openbao did not answer during initialisation: start again") from None
        if answer.status != HTTPStatus.OK:
            raise EmbeddedError(f"openbao could not be initialised: status {answer.status}")
        write_private(self._init_file, answer.body)


def _quoted(value: Path | str) -> str:
    """Return a string of HCL: as in JSON, with its template mark doubled."""
    return json.dumps(str(value)).replace("${", "$${").replace("%{", "%%{")
