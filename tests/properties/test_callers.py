"""Callers: no two principals share a hash, and those of Assay's own issuer keep the one that they always had."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from domain.identity import caller_hash

KEYS = st.binary(min_size=32, max_size=32)
# short, over few characters: parts that join to the same text are likely
TEXTS = st.one_of(st.text("ab/1:\0", max_size=4), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
ISSUERS = st.one_of(st.none(), TEXTS, st.sampled_from(["https://idp.example", "urn:assay", "assay/caller/v1"]))
PRINCIPALS = st.tuples(ISSUERS, TEXTS, TEXTS, TEXTS)


def hashed(key: bytes, principal: tuple[str | None, str, str, str]) -> str:
    issuer, *parts = principal
    return caller_hash(key, *parts, issuer=issuer)


@given(KEYS, st.sets(PRINCIPALS, min_size=2, max_size=40))
def test_no_two_principals_are_one_caller(key, principals):
    assert len({hashed(key, principal) for principal in principals}) == len(principals)


@given(KEYS, TEXTS, TEXTS, TEXTS, st.sets(ISSUERS, min_size=2))
def test_the_same_subject_of_two_issuers_is_two_callers(key, tenant, client, subject, issuers):
    assert len({caller_hash(key, tenant, client, subject, issuer=issuer) for issuer in issuers}) == len(issuers)


@given(KEYS, TEXTS, TEXTS, TEXTS)
def test_a_caller_of_the_built_in_issuer_keeps_the_hash_from_before_there_were_others(key, tenant, client, subject):
    mac = hmac.new(key, b"assay/caller/v1\0", hashlib.sha256)
    for part in (tenant, client, subject):
        mac.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    assert caller_hash(key, tenant, client, subject, issuer=None) == mac.hexdigest()[:32]


@given(KEYS, PRINCIPALS)
def test_a_caller_is_32_hexadecimal_digits(key, principal):
    assert len(bytes.fromhex(hashed(key, principal))) == 16
