"""Planted prompts, answers, keys and passwords are searched for in all that is written and told.

In the product nothing may be found but credentials in their own files. With its guards off, everything must be found:
or the search would prove nothing.
"""

import stat

import pytest

from embedded.places import places
from tests.security.conftest import Scene
from tests.security.evidence import PLACES

CREDENTIALS = {
    "clients/acme-app.json": ["client secret"],
    "credentials/api.secret-id": ["secret ID of the api"],  # the tests have them unwrapped: see vault_canaries
    "credentials/worker.secret-id": ["secret ID of the worker"],
    "credentials/operator.secret-id": ["operator's secret ID"],
    "secrets/model_api_key": ["key of the embedded model"],
    "secrets/openbao_init.json": ["root token of Vault"],
    "secrets/openbao_unseal_key": ["unseal key of Vault"],
    "secrets/postgres_superuser": ["superuser's password"],
}
"""Permitted content of files in the data directory: one machine's own credentials, each in one file."""

DATA = {"API key", "e-mail address", "card number"}
"""Values that no model may see."""
KEYS = {"client's API key", "API key's name"}
PROMPTS = {
    *("system message", "prompt", *DATA, "blocked prompt", "prompt of a withheld answer"),
    *("failed prompt", "retried prompt", "refused prompt", "cancelled prompt", "large prompt"),
    "streamed prompt",
}
ANSWERS = {"answer", "withheld answer", "API key in a withheld answer", "retried answer", "streamed answer"}
RUNS = PROMPTS | ANSWERS | {"metadata name", "metadata value"}
KEPT = {name for names in CREDENTIALS.values() for name in names}
TOLD_TO_THE_LOG = {
    *RUNS,
    *(
        "agent's session",
        "idempotency key",
        "provider's error",
        "unknown field",
        "invalid prompt",
        "no JSON",
        "path",
        "query",
    ),
    *("false token", "false client secret", "access token", "client secret"),
    *("database password", "provider's key", "secret ID of the api", "secret ID of the worker"),
    "failing statement",
    *KEYS,
}
FOUND_WITHOUT_GUARDS = {
    "Temporal's files": RUNS,
    "histories as JSON": RUNS,
    "histories as protobuf": RUNS,
    "descriptions": PROMPTS,
    "lists": PROMPTS,
    "PostgreSQL's files": (PROMPTS | ANSWERS) - {"refused prompt"},  # a record so long is compressed
    "PostgreSQL's rows": PROMPTS | ANSWERS | KEYS,
    "stored payloads": {"large prompt"},
    "logs": TOLD_TO_THE_LOG,
    "metrics": PROMPTS | {"invalid prompt"},
    "what callers were told": {
        *("blocked prompt", "prompt of a withheld answer", "failed prompt", "refused prompt", "invalid prompt"),
    },
    "processes": {"environment"},
    "other files": KEPT,
}


@pytest.mark.parametrize("place", sorted({*PLACES} - {"the provider"}))
def test_the_product_leaves_nothing_in_plaintext(sealed: Scene, place: str) -> None:
    blobs = sealed.evidence[place]
    assert any(blobs.values())
    assert sealed.search.holders(blobs) == (CREDENTIALS if place == "other files" else {})


def test_a_model_is_told_what_was_asked_without_personal_data(sealed: Scene, plaintext: Scene) -> None:
    asked, all_of_it = (scene.search.named_in(scene.evidence["the provider"]).keys() for scene in (sealed, plaintext))
    assert asked & (DATA | KEYS) == set()
    assert all_of_it >= {"prompt", "system message", "client's API key"} | DATA
    assert asked >= {"prompt", "system message"}


@pytest.mark.parametrize("place", FOUND_WITHOUT_GUARDS)
def test_without_its_guards_everything_is_found(plaintext: Scene, place: str) -> None:
    found = plaintext.search.named_in(plaintext.evidence[place])
    assert FOUND_WITHOUT_GUARDS[place] - set(found) == set()


def test_each_canary_is_known_to_be_findable(plaintext: Scene) -> None:
    everywhere = set().union(*FOUND_WITHOUT_GUARDS.values())
    assert set(plaintext.search.sought) == everywhere


def test_vaults_files_are_read_as_they_are(sealed: Scene) -> None:
    """Assay puts nothing there in plaintext, so this proves that there is something to search."""
    assert b"core/keyring" in b"".join(sealed.evidence["Vault's files"].values())


def test_the_same_was_asked_of_both(sealed: Scene, plaintext: Scene) -> None:
    assert set(sealed.planted.canaries.planted) == set(plaintext.planted.canaries.planted)
    assert set(sealed.planted.runs) == set(plaintext.planted.runs)


def test_credentials_are_their_owners_alone(sealed: Scene) -> None:
    root = places(sealed.gateway.settings).root
    for name in CREDENTIALS:
        assert stat.S_IMODE((root / name).stat().st_mode) == 0o600, name
        assert stat.S_IMODE((root / name).parent.stat().st_mode) == 0o700, name
