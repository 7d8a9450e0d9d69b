"""Claims of a stage's proof, and its text: form-encoded claims, ``.``, and HMAC-SHA-256 in base64url.

The MAC (RFC 2104) is under a key derived from a data key of Assay's own tenant, which no team can read. It covers the
namespace and the workflow's ID with the claims; these name the run that was executing.
"""

import hmac
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote_plus, unquote_plus

from activities.proofs.digests import encoded
from assay_temporal.keyring import DataKey, KeyRing, KeyUnavailable, derive
from domain.access.principals import SYSTEM_TENANT

PURPOSE: Final = "assay/stage-proof/v1"
_MOST_CHARS: Final = 8192
_KEY, _RUN, _FACT, _MODEL = "key", "run", "f.", "model"
_PLAIN: Final = re.compile(r"[\w.~-]*", re.ASCII)  # digests, mostly: quoting them is half the cost of a proof


class InvalidProof(Exception):
    """A proof is missing, malformed, forged or of another run. The reason is for logs: it quotes nothing."""


@dataclass(frozen=True, slots=True)
class ProofPlace:
    """Namespace, workflow and run that a proof is for."""

    namespace: str
    workflow_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Claims:
    """Facts that the stages so far have established.

    Attributes:
        run_id: the run that was executing.
        facts: digests of values by name, and a few values in clear (``reserved``: tokens; ``failed``: a kind).
        models: models that may be called.
    """

    run_id: str
    facts: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()

    def plus(self, facts: Mapping[str, str]) -> "Claims":
        """Return the claims with further facts."""
        return replace(self, facts={**self.facts, **facts})

    def without(self, name: str) -> "Claims":
        """Return the claims without a fact."""
        return replace(self, facts={known: value for known, value in self.facts.items() if known != name})


def write(claims: Claims, place: ProofPlace, key: DataKey) -> str:
    """Return the proof of ``claims``, in ``place``'s run."""
    stated = [(_KEY, key.key_id), (_RUN, place.run_id)]
    stated += [(_FACT + name, value) for name, value in claims.facts.items()]
    stated += [(_MODEL, model) for model in claims.models]
    part = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in stated)
    return f"{part}.{encoded(_mac(key, place, part))}"


async def read(proof: object, namespace: str, workflow_id: str, keyring: KeyRing) -> Claims:
    """Verify a proof for a workflow. Its run is for the caller to compare.

    Raises:
        InvalidProof: it is not one.
        KeyUnavailable: the key exists, but the key store is unavailable.
    """
    if not isinstance(proof, str) or len(proof) > _MOST_CHARS:
        raise InvalidProof("no proof, or a malformed one")
    part, _, tag = proof.rpartition(".")
    try:
        stated, given = [_pair(stating) for stating in part.split("&")], _decoded(tag)
    except ValueError:
        raise InvalidProof("malformed proof") from None
    named = dict(stated)
    try:
        key = await keyring.by_id(SYSTEM_TENANT, named.get(_KEY, ""))
    except KeyUnavailable as error:
        if not error.gone:
            raise
        raise InvalidProof("the proof's key does not exist") from None
    run_id = named.get(_RUN, "")
    if not hmac.compare_digest(_mac(key, ProofPlace(namespace, workflow_id, run_id), part), given):
        raise InvalidProof("the proof does not match")
    facts = {name.removeprefix(_FACT): value for name, value in stated if name.startswith(_FACT)}
    return Claims(run_id, facts, tuple(value for name, value in stated if name == _MODEL))


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote_plus(text)


def _pair(stating: str) -> tuple[str, str]:
    """Read a name and its value.

    Raises:
        ValueError: there is no value.
    """
    name, value = stating.split("=")
    return unquote_plus(name), unquote_plus(value)  # they return a text without escapes as it is


def _mac(key: DataKey, place: ProofPlace, part: str) -> bytes:
    texts = [said.encode("utf-8", "surrogatepass") for said in (place.namespace, place.workflow_id, place.run_id, part)]
    return hmac.digest(derive(key, PURPOSE), b"".join(len(text).to_bytes(8, "big") + text for text in texts), "sha256")


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
