"""Two stacks in which the same was asked: the product, and the product with its guards off."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from tests.gateway import Gateway, running_gateway
from tests.security.evidence import Blobs, gather
from tests.security.needles import Canaries, Search
from tests.security.scenario import Planted, play, secrets_of
from tests.security.vault_canaries import VaultCanaries


@dataclass
class Scene:
    """A stack, what was planted in it, and what it wrote and told."""

    gateway: Gateway
    planted: Planted
    search: Search
    evidence: dict[str, Blobs]


async def _scene(gateway: Gateway, vault: VaultCanaries) -> Scene:
    canary = vault.planted["failing statement"] = secrets.token_hex(16)
    with pytest.raises(asyncpg.UndefinedTableError):
        await gateway.superuser(f"SELECT '{canary}' FROM nowhere")  # noqa: S608 - ours
    planted = await play(gateway, Canaries())
    search = Search(planted.canaries.mark, {**planted.canaries.planted, **await secrets_of(gateway), **vault.planted})
    return Scene(gateway, planted, search, await gather(gateway, planted))


@pytest.fixture(scope="package")
async def sealed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """The product as it is."""
    vault = VaultCanaries()
    async with running_gateway(tmp_path_factory.mktemp("sealed"), long_prompts=True, serve=vault) as gateway:
        yield await _scene(gateway, vault)


@pytest.fixture(scope="package")
async def plaintext(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """The product with its guards off, from outside."""
    vault = VaultCanaries(arguments=("-m", "tests.security.plaintext_serve"))
    vault.planted["environment"] = vault.more["LEAK"] = secrets.token_hex(16)
    async with running_gateway(tmp_path_factory.mktemp("plaintext"), long_prompts=True, serve=vault) as gateway:
        for setting in ("log_min_messages", "log_min_error_statement"):
            await gateway.superuser(f"ALTER ROLE CURRENT_USER SET {setting} = 'error'")
        yield await _scene(gateway, vault)
