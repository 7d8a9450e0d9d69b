"""Addresses and first commands that ``assay up`` prints."""

from types import SimpleNamespace
from typing import cast

import pytest

from cli.up import addresses, welcome
from config.settings import Settings
from embedded.servers.group import EmbeddedServers

STARTED = {"temporal_address": "127.0.0.1:1", "vault_url": "http://vault", "model_url": "http://model"}


@pytest.mark.parametrize("url", ["http://127.0.0.1:2", None])
def test_the_ui_is_named_where_it_runs(url: str | None):
    layout = SimpleNamespace(root="data")
    servers = cast("EmbeddedServers", SimpleNamespace(**STARTED, temporal_ui_url=url, layout=layout))
    assert ("Temporal UI" in addresses(servers, Settings())) is bool(url)
    assert ("UI" in welcome(servers, Settings())) is bool(url)
