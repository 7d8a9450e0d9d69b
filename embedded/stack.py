"""The whole product on one machine: the servers, and one process with all of Assay's roles."""

import sys
from collections.abc import Callable
from functools import partial

from config import roles
from config.checkout import ROOT
from config.settings import Settings
from embedded.bootstrap import bootstrap, let_services_in
from embedded.places import as_environment, foreign_settings, local_settings
from embedded.policy import PolicyAtStart
from embedded.process.child import ChildSpec
from embedded.process.errors import ForeignSettingsError
from embedded.process.probes import http_ready
from embedded.servers.group import EmbeddedServers

SERVE = "assay"
# glibc gives each of many threads an arena of its own, keeps freed memory in it, and raises the thresholds for
# returning memory: memory grows in steps. See mallopt(3).
_MALLOC = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}


def servers_of(settings: Settings, policy: Callable[[PolicyAtStart], None] = lambda _: None) -> EmbeddedServers:
    """The servers with their set-up, not started yet. ``policy`` is given the policy, once the servers are set up.

    Raises:
        ForeignSettingsError: settings name other servers; each is named with a remedy.
    """
    if foreign := foreign_settings(settings):
        raise ForeignSettingsError("\n".join(foreign))

    async def set_up(servers: EmbeddedServers) -> None:
        policy(await bootstrap(servers, settings))

    return EmbeddedServers(settings, bootstrap=set_up)


def serve_spec(servers: EmbeddedServers, settings: Settings, role: str = "all") -> ChildSpec:
    """Return Assay's own process in a role. Each start gets its own credentials, also after a crash."""
    ready_file = servers.layout.run / f"{SERVE}-{role}.ready"
    local = local_settings(settings)
    local = local.model_copy(update={"worker": local.worker.model_copy(update={"ready_file": ready_file})})
    listens = role in ("all", roles.API.name)

    async def prepare() -> None:
        ready_file.unlink(missing_ok=True)
        let_services_in(servers, settings, roles.SERVING if role == "all" else (roles.named(role),))

    async def works() -> bool:
        return ready_file.exists()

    return ChildSpec(
        name=SERVE if role == "all" else f"{SERVE}-{role}",
        argv=(sys.executable, "-m", "cli.main", "serve", "--role", role),
        ready=partial(http_ready, settings.api.port, "/readyz?exclude=log") if listens else works,
        port=settings.api.port if listens else None,
        env={**as_environment(local), **_MALLOC},
        cwd=ROOT,
        before_start=prepare,
        stop_grace_seconds=20.0,
        ready_timeout_seconds=30.0,
    )
