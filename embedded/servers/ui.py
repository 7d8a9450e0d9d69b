"""The process that stands in front of Temporal's UI: see ``ui_server``, which runs in it and loads nothing of this."""

import sys
from functools import partial

from config.checkout import ROOT
from embedded.process.child import ChildSpec
from embedded.process.probes import http_ready

NAME = "temporal-ui"
_SETTINGS_PATH = "/api/v1/settings"


def spec(port: int, upstream_port: int) -> ChildSpec:
    """The child that listens on ``port`` for the UI on ``upstream_port``. It is ready once that answers through it."""
    return ChildSpec(
        name=NAME,
        argv=(sys.executable, "-m", "embedded.servers.ui_server", str(port), str(upstream_port)),
        ready=partial(http_ready, port, _SETTINGS_PATH),
        port=port,
        cwd=ROOT,
    )
