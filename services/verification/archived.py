"""Records missing because their month was archived: by signed manifests, not by the store."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from domain.ports import SignatureChecks, StatementInvalid
from domain.signing_keys import ARCHIVE_KEY
from domain.transparency.announcements import ANNOUNCEMENT_TYPE, Announcement
from domain.transparency.verification_ports import Jwks, PublicKeys

MANIFEST_TYPE = "assay-archive+jwt"


class ManifestInvalid(Exception):
    """A manifest is invalid. Has the reason."""


class ArchivedRanges:
    """Positions of leaves, as ranges with both ends included."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        """Take the ranges, in any order."""
        self._ranges = sorted(ranges)
        self._starts = [first for first, _ in self._ranges]

    def __contains__(self, seq: int) -> bool:
        """Return True if a leaf is among them."""
        at = bisect_right(self._starts, seq) - 1
        return at >= 0 and seq <= self._ranges[at][1]


async def announced_months(
    keys: PublicKeys, signatures: SignatureChecks, announcements: Iterable[str], now: datetime
) -> frozenset[date]:
    """Return the months that the archiver announced recently. An invalid announcement excuses nothing.

    Raises:
        Refusal: VAULT_UNAVAILABLE; NOT_FOUND if there is no such key.
    """
    found = set()
    for signed in announcements:
        with suppress(ManifestInvalid, ValueError, KeyError, TypeError):
            claims = _claims(signed, (await keys.key_set(ARCHIVE_KEY)).keys, signatures, ANNOUNCEMENT_TYPE)
            announcement = Announcement.from_claims(claims)
            if announcement.valid_at(now):
                found.add(announcement.month)
    return frozenset(found)


async def archived_leaves(
    keys: PublicKeys, signatures: SignatureChecks, tenant: str, manifests: Iterable[str]
) -> ArchivedRanges:
    """Return the tenant's leaves whose records are in archived files.

    Raises:
        ManifestInvalid: a manifest is not signed by the archive's key, or is another tenant's.
        Refusal: VAULT_UNAVAILABLE; NOT_FOUND if there is no such key.
    """
    ranges = list[tuple[int, int]]()
    for manifest in manifests:
        claims = _claims(manifest, (await keys.key_set(ARCHIVE_KEY)).keys, signatures, MANIFEST_TYPE)
        if claims.get("tenant") != tenant:
            raise ManifestInvalid("a manifest belongs to another tenant")
        try:
            ranges += [(int(first), int(last)) for first, last in claims["seqs"]]
        except (KeyError, ValueError, TypeError):
            raise ManifestInvalid("a manifest does not name its leaves") from None
    return ArchivedRanges(ranges)


def _claims(manifest: str, keys: Jwks, signatures: SignatureChecks, typ: str) -> Mapping[str, Any]:
    try:
        header = signatures.header(manifest)
        key = keys.get(str(header.get("kid")))
        if header.get("typ") != typ or key is None:
            raise ManifestInvalid("a manifest is not signed by the archive's key")
        return signatures.claims(manifest, key)
    except StatementInvalid:
        raise ManifestInvalid("a manifest's signature is invalid") from None
