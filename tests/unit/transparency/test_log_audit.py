"""Rules of verification that need no store."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt
import pytest

from adapters.tokens.signatures import LocalSignatureChecks
from adapters.vault.public_keys import KeySet
from domain.records.records import canonical, stored_digest
from domain.signing_keys import ARCHIVE_KEY
from domain.transparency.verification import Entry, Fault, TenantAudit, VerificationFinding, check_entry
from services.verification.archived import MANIFEST_TYPE, ArchivedRanges, ManifestInvalid, archived_leaves
from tests.doubles.keys import LocalSigner

ENTRY = Entry(3, UUID(int=7), bytes(32), None)


def test_a_record_may_be_missing_where_its_month_is_archived() -> None:
    assert check_entry("acme", ENTRY, archived=True) is None
    finding = check_entry("acme", ENTRY, archived=False)
    assert finding is not None
    assert (finding.fault, finding.seq, finding.event_id) == (Fault.RECORD_MISSING, 3, UUID(int=7))


COLUMNS = {
    "event_id": UUID(int=7),
    "schema": 2,
    "tenant": "acme",
    "kind": "completed",
    "workflow_id": None,
    "run_id": None,
    "recorded_at": datetime(2026, 1, 1, tzinfo=UTC),
    "subject": None,
    "key_id": "k",
    "subject_key": None,
    "ciphertext": b"x",
}


OUTSIDE = {"content_mac": bytes(32), "stored_at": datetime(2026, 1, 1, tzinfo=UTC)}
"""Columns that no digest covers."""


def entry_of(fields: str, **changes: Any) -> Entry:
    """An entry whose leaf was made from ``fields`` being empty, and whose record says otherwise."""
    digest = stored_digest(**COLUMNS, fields={})
    return Entry(3, UUID(int=7), digest, {**COLUMNS, **OUTSIDE, "fields": fields, "digest": digest, **changes})


def test_a_record_holds_in_the_json_that_was_written_and_in_no_other() -> None:
    assert check_entry("acme", entry_of("{}"), archived=False) is None
    finding = check_entry("acme", entry_of(" { } "), archived=False)
    assert finding is not None
    assert finding.fault is Fault.RECORD_CHANGED


WRITTEN = {"caller": "c", "roles": ["r"]}


@pytest.mark.parametrize(
    "fields",
    [
        '{"caller":"x","caller":"c","roles":["r"]}',  # of two values, a parser takes the last, a search the first
        '{"caller":"c","caller":"c","roles":["r"]}',
        '{"caller":"\\u0063","roles":["r"]}',  # which a search for the caller does not find
        '{"roles":["r"],"caller":"c"}',
        '{"caller":"c", "roles":["r"]}',
    ],
)
def test_another_text_of_the_same_fields_is_a_change(fields: str) -> None:
    digest = stored_digest(**COLUMNS, fields=WRITTEN)
    assert stored_digest(**COLUMNS, fields=json.loads(fields)) == digest, "the digest alone does not show it"
    written = canonical(WRITTEN).decode()
    assert (
        check_entry(
            "acme",
            Entry(3, UUID(int=7), digest, {**COLUMNS, **OUTSIDE, "fields": written, "digest": digest}),
            archived=False,
        )
        is None
    )
    finding = check_entry(
        "acme",
        Entry(3, UUID(int=7), digest, {**COLUMNS, **OUTSIDE, "fields": fields, "digest": digest}),
        archived=False,
    )
    assert finding is not None
    assert finding.fault is Fault.RECORD_CHANGED


WITH_MAC = {"caller": "c", "content_mac": bytes(32).hex()}


@pytest.mark.parametrize(
    ("fields", "changed", "whole"),
    [
        (WITH_MAC, {}, True),
        (WITH_MAC, {"content_mac": bytes(31) + b"x"}, False),
        (WITH_MAC, {"content_mac": None}, False),
        (WITH_MAC, {"stored_at": datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)}, False),
        ({**WITH_MAC, "content_mac": None}, {}, False),
        (WRITTEN, {"content_mac": bytes(31) + b"x"}, True),  # of an earlier release
        (WRITTEN, {"stored_at": datetime(2026, 1, 2, tzinfo=UTC)}, True),
    ],
)
def test_columns_outside_the_digest_are_compared_with_the_fields(
    fields: dict[str, Any], changed: dict[str, Any], whole: bool
) -> None:
    digest = stored_digest(**COLUMNS, fields=fields)
    record = {**COLUMNS, **OUTSIDE, "fields": canonical(fields).decode(), "digest": digest, **changed}
    finding = check_entry("acme", Entry(3, UUID(int=7), digest, record), archived=False)
    assert (finding is None) is whole


def test_a_stored_digest_that_is_not_the_leafs_is_a_change() -> None:
    finding = check_entry("acme", entry_of("{}", digest=bytes(32)), archived=False)
    assert finding is not None
    assert finding.fault is Fault.RECORD_CHANGED


@pytest.mark.parametrize(
    "fields", ["[" * 100_000, '{"a": NaN}', "", None, '{"a": "\\ud800"}', "1" * 5_000, "[]", "null"]
)
def test_a_record_that_makes_no_sense_is_a_changed_one_also_where_it_is_archived(fields: Any) -> None:
    for archived in (True, False):
        finding = check_entry("acme", entry_of(fields), archived=archived)
        assert finding is not None
        assert finding.fault is Fault.RECORD_CHANGED


@pytest.mark.parametrize("column", [name for name in COLUMNS if name not in ("tenant", "workflow_id", "run_id")])
def test_a_column_that_is_empty_is_a_change(column: str) -> None:
    changed = None if COLUMNS[column] is not None else "x"
    finding = check_entry("acme", entry_of("{}", **{column: changed}), archived=False)
    assert finding is not None
    assert finding.fault is Fault.RECORD_CHANGED


def test_the_first_of_each_fault_is_kept_in_the_order_they_came() -> None:
    audit = TenantAudit("acme")
    for seq, fault in enumerate([Fault.FORKED, Fault.RECORD_CHANGED, Fault.FORKED]):
        audit.found(VerificationFinding(fault, "x", seq=seq))
    assert [(finding.fault, finding.seq) for finding in audit.findings] == [
        (Fault.FORKED, 0),
        (Fault.RECORD_CHANGED, 1),
    ]
    assert not audit.holds


def test_ranges_hold_both_their_ends() -> None:
    ranges = ArchivedRanges([(10, 12), (3, 3), (20, 29)])
    assert [seq for seq in range(40) if seq in ranges] == [3, 10, 11, 12, *range(20, 30)]
    assert 0 not in ArchivedRanges()


class Keys:
    """Fake of Vault's public keys."""

    def __init__(self, signer: LocalSigner) -> None:
        self._signer = signer

    async def key_set(self, key_name: str) -> KeySet:
        return KeySet(await self._signer.public_keys(key_name), {}, 0.0)


async def test_what_a_signed_manifest_covers_may_be_missing_and_nothing_else() -> None:
    signer = LocalSigner()
    manifest = await signer.sign(ARCHIVE_KEY, MANIFEST_TYPE, {"tenant": "acme", "seqs": [[0, 4], [9, 9]]})
    found = await archived_leaves(Keys(signer), LocalSignatureChecks(), "acme", [manifest])
    assert [seq for seq in range(12) if seq in found] == [0, 1, 2, 3, 4, 9]


async def test_a_manifest_that_is_not_the_archives_is_refused() -> None:
    signer, other = LocalSigner(), LocalSigner()
    claims = {"tenant": "acme", "seqs": [[0, 4]]}
    forged = [
        await other.sign(ARCHIVE_KEY, MANIFEST_TYPE, claims),
        await signer.sign(ARCHIVE_KEY, "JWT", claims),
        await signer.sign("receipt-signing", MANIFEST_TYPE, claims),
        await signer.sign(ARCHIVE_KEY, MANIFEST_TYPE, {**claims, "tenant": "globex"}),
        await signer.sign(ARCHIVE_KEY, MANIFEST_TYPE, {"tenant": "acme"}),
        await signer.sign(ARCHIVE_KEY, MANIFEST_TYPE, {**claims, "seqs": [[1]]}),
        jwt.encode(claims, "", algorithm="none", headers={"typ": MANIFEST_TYPE, "kid": f"{ARCHIVE_KEY}:1"}),
        "no manifest",
    ]
    for manifest in forged:
        with pytest.raises(ManifestInvalid):
            await archived_leaves(Keys(signer), LocalSignatureChecks(), "acme", [manifest])
