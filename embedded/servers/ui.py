"""The proxy process of Temporal's UI: see ``ui_server``, which it runs without loading this module."""

import sys
from functools import partial

from config.checkout import ROOT
from embedded.process.child import ChildSpec
from embedded.process.probes import http_ready

NAME = "temporal-ui"
_SETTINGS_PATH = "/api/v1/settings"


def spec(port: int, upstream: str) -> ChildSpec:
    """Return the child that listens on ``port`` for the UI at ``upstream`` (host and port)."""
    return ChildSpec(
        name=NAME,
        argv=(sys.executable, "-m", "embedded.servers.ui_server", str(port), upstream),
        ready=partial(http_ready, port, _SETTINGS_PATH),
        port=port,
        cwd=ROOT,
    )
