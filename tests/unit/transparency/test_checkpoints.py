"""Notes, checkpoints and proofs: the examples of the specifications, and what is refused."""

from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.transparency.checkpoints import (
    Checkpoint,
    LogFormatError,
    Proof,
    Signature,
    UnknownLogKey,
    Unproven,
    VerifierKey,
    key_id,
    open_checkpoint,
    open_proof,
    parse_checkpoint,
    parse_note,
    parse_proof,
    parse_vkey,
    signed_note,
    vkey,
)
from domain.transparency.merkle import Edge, leaf_hash

# The examples of C2SP signed-note and tlog-checkpoint.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = """This is an example message.

\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
CHECKPOINT = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""

ORIGIN = "assay.local/acme"
PRIVATE, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
PUBLIC = PRIVATE.public_key().public_bytes_raw()
KEY = VerifierKey(ORIGIN, PUBLIC)
ENTRIES = [bytes([n]) * 32 for n in range(2)]
HEAD = Edge().append(leaf_hash(entry) for entry in ENTRIES)


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def signature(text: str, name: str = ORIGIN, private: Ed25519PrivateKey = PRIVATE) -> Signature:
    key = private.public_key().public_bytes_raw()
    return Signature(name, key_id(name, key), private.sign(text.encode()))


def note_of(text: str) -> str:
    return signed_note(text, [signature(text)])


HEAD_TEXT = Checkpoint(ORIGIN, HEAD.size, HEAD.root()).text()
HEAD_NOTE = note_of(HEAD_TEXT)


def test_the_example_of_a_note():
    note, key = parse_note(NOTE), parse_vkey(VKEY)
    assert (note.text, key.name) == ("This is an example message.\n", "example.com/foo")
    (made,) = note.signatures
    assert (made.name, made.key_id) == (key.name, key_id(key.name, key.public_key))
    assert verify(key.public_key, made.signature, note.text.encode())
    assert vkey(key.name, key.public_key) == VKEY
    assert signed_note(note.text, note.signatures) == NOTE


def test_the_example_of_a_checkpoint():
    checkpoint = parse_checkpoint(parse_note(CHECKPOINT).text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.root.hex().startswith("0ac5186a")
    assert checkpoint.text() == parse_note(CHECKPOINT).text


def test_a_note_s_text_ends_at_its_last_empty_line():
    for text in ("a\n", "a\n\nb\n", "\n", "a\n\n", "\n\n\n"):
        assert parse_note(note_of(text)).text == text


def test_what_is_just_within_the_bounds():
    for count in (1, 16, 64):
        assert len(parse_note(signed_note("a\n", count * [signature("a\n")])).signatures) == count
    for size in (0, 2**63 - 1):
        assert parse_checkpoint(Checkpoint(ORIGIN, size, bytes(32)).text()).size == size
        assert parse_proof(Proof(size, 63 * (bytes(32),), HEAD_NOTE).text()).index == size


def test_a_checkpoint_is_taken_once_it_is_verified():
    assert open_checkpoint(HEAD_NOTE, [KEY], verify) == Checkpoint(ORIGIN, HEAD.size, HEAD.root())


def test_extensions_are_kept():
    text = HEAD_TEXT + "extension\n"
    assert parse_checkpoint(text).extensions == ("extension",)
    assert parse_checkpoint(text).text() == text


def test_signatures_of_others_count_for_nothing():
    """Neither an unknown key's, nor a known key's of another name, makes a checkpoint the log's."""
    witness = signature(HEAD_TEXT, "witness", OTHER)
    known = VerifierKey("witness", OTHER.public_key().public_bytes_raw())
    both = signed_note(HEAD_TEXT, [witness, signature(HEAD_TEXT)])
    assert open_checkpoint(both, [KEY, known], verify) == open_checkpoint(both, [KEY], verify)
    alone = signed_note(HEAD_TEXT, [witness])
    for keys in ([KEY, known], [KEY], [known], []):
        with pytest.raises(Unproven, match="not signed"):
            open_checkpoint(alone, keys, verify)


def test_another_version_of_the_logs_key_is_told_apart():
    other = VerifierKey(ORIGIN, OTHER.public_key().public_bytes_raw())
    with pytest.raises(UnknownLogKey):
        open_checkpoint(HEAD_NOTE, [other], verify)
    assert open_checkpoint(HEAD_NOTE, [other, KEY], verify).size == HEAD.size


def test_one_bad_signature_of_a_known_key_spoils_the_note():
    known = VerifierKey("witness", OTHER.public_key().public_bytes_raw())
    note = signed_note(HEAD_TEXT, [signature(HEAD_TEXT), signature("other", "witness", OTHER)])
    open_checkpoint(note, [KEY], verify)
    with pytest.raises(Unproven, match="is invalid"):
        open_checkpoint(note, [KEY, known], verify)


def test_what_was_signed_is_all_of_the_text():
    other = HEAD_NOTE.replace(f"{ORIGIN}\n2\n", f"{ORIGIN}\n3\n")
    with pytest.raises(Unproven):
        open_checkpoint(other, [KEY], verify)


@pytest.mark.parametrize("extra", [None, b"", b"more"])
def test_a_proof_there_and_back(extra: bytes | None):
    proof = Proof(0, (leaf_hash(ENTRIES[1]),), HEAD_NOTE, extra)
    assert parse_proof(proof.text()) == proof
    assert open_proof(proof, ENTRIES[0], [KEY], verify).size == 2
    with pytest.raises(Unproven, match="entry"):
        open_proof(proof, ENTRIES[1], [KEY], verify)
    with pytest.raises(Unproven, match="signed"):
        open_proof(proof, ENTRIES[0], [], verify)


def test_the_text_of_a_proof():
    assert Proof(0, (b"\0" * 32,), HEAD_NOTE, b"x").text() == (
        f"c2sp.org/tlog-proof@v1\nextra eA==\nindex 0\n{'A' * 43}=\n\n{HEAD_NOTE}"
    )


PROOF = Proof(1, (leaf_hash(ENTRIES[0]),), HEAD_NOTE).text()
ROOT = HEAD_TEXT.split("\n")[2]
LINE = HEAD_NOTE.split("\n")[-2]


@pytest.mark.parametrize(
    ("parse", "text", "part"),
    [
        (parse_note, "", "no signatures"),
        (parse_note, "a\n", "no signatures"),
        (parse_note, "a\n\n", "no signatures"),
        (parse_note, HEAD_NOTE[:-1], "no signatures"),
        (parse_note, f"a\n\n{LINE}\nb\n", "line"),
        (parse_note, f"a\n\n{LINE.replace(chr(0x2014), '-')}\n", "line"),
        (parse_note, "a\n\n\u2014 name\n", "line"),
        (parse_note, "a\n\n\u2014 name AAAAAA==\n", "too short"),
        (parse_note, "a\n\n\u2014 name A\n", "base64"),
        (parse_note, "a\n\n\u2014 name AAAAAAB=\n", "canonical"),
        (parse_note, "a\n\n\u2014 name AAAAAAA=\u00e9\n", "base64"),
        (parse_note, "a\n\n\u2014 na+me AAAAAAA=\n", "name"),
        (parse_note, "a\n\n\u2014  AAAAAAA=\n", "name"),
        (parse_note, "a\n\n\u2014 na\u00a0me AAAAAAA=\n", "name"),
        (parse_note, f"a\r\n\n{LINE}\n", "control"),
        (parse_note, f"a\t\n\n{LINE}\n", "control"),
        (parse_note, f"\ud800\n\n{LINE}\n", "UTF-8"),
        (parse_note, "a\n\n" + 65 * f"{LINE}\n", "too many"),
        (parse_checkpoint, "", "three lines"),
        (parse_checkpoint, HEAD_TEXT[:-1], "three lines"),
        (parse_checkpoint, HEAD_TEXT + "\n", "empty line"),
        (parse_checkpoint, HEAD_NOTE, "empty line"),
        (parse_checkpoint, f"\n2\n{ROOT}\n", "empty line"),
        (parse_checkpoint, f"o\n02\n{ROOT}\n", "size"),
        (parse_checkpoint, f"o\n-1\n{ROOT}\n", "size"),
        (parse_checkpoint, f"o\n\u0662\n{ROOT}\n", "size"),
        (parse_checkpoint, f"o\n9223372036854775808\n{ROOT}\n", "size"),
        (parse_checkpoint, "o\n2\nAAAA\n", "root"),
        (parse_checkpoint, f"o\n2\n{ROOT} \n", "root"),
        (parse_checkpoint, f"o\x00\n2\n{ROOT}\n", "control"),
        (parse_vkey, "", "key"),
        (parse_vkey, VKEY.replace("530d903a", "530d903b"), "ID"),
        (parse_vkey, VKEY.replace("530d903a", "530D903A"), "ID"),
        (parse_vkey, VKEY.replace("foo", "bar"), "ID"),
        (parse_vkey, VKEY.replace("AekyeRrm", "BOkyeRrm"), "Ed25519"),
        (parse_vkey, VKEY[:-4], "32 bytes"),
        (parse_vkey, VKEY + "\n", "base64"),
        (parse_vkey, "+" + VKEY.partition("+")[2], "name"),
        (parse_vkey, "\ud800+" + VKEY.partition("+")[2], "UTF-8"),
        (parse_vkey, "\x07+" + VKEY.partition("+")[2], "control"),
        (parse_proof, "", "first line"),
        (parse_proof, PROOF.replace("@v1", "@v2"), "first line"),
        (parse_proof, PROOF.replace("index", "order"), "no index"),
        (parse_proof, PROOF.partition("index")[0].rstrip() + f"\n\n{HEAD_NOTE}", "no index"),
        (parse_proof, PROOF.replace("index 1", "extra AAAA"), "no index"),
        (parse_proof, PROOF.replace("index 1", "index 01"), "index"),
        (parse_proof, PROOF.replace("index 1", "index 9223372036854775808"), "index"),
        (parse_proof, PROOF.replace("index", "extra x\nindex"), "extra"),
        (parse_proof, PROOF.replace("index 1\n", "index 1\nAAAA\n"), "path"),
        (parse_proof, PROOF.replace("index 1\n", "index 1\n" + 63 * f"{ROOT}\n"), "path"),
        (parse_proof, PROOF.replace("\n\n", "\n", 1), "path"),
        (parse_proof, PROOF.rpartition(LINE)[0], "signatures"),
        (parse_proof, PROOF + "\n", "line"),
    ],
)
def test_what_is_refused_and_for_which_part(parse: Callable[[str], object], text: str, part: str):
    with pytest.raises(LogFormatError, match=part):
        parse(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Checkpoint("a\nb", 0, bytes(32)),
        lambda: Checkpoint("", 0, bytes(32)),
        lambda: Checkpoint("a", -1, bytes(32)),
        lambda: Checkpoint("a", 1, bytes(31)),
        lambda: Checkpoint("a", 1, bytes(32), ("",)),
        lambda: Proof(-1, (), HEAD_NOTE),
        lambda: Proof(0, (b"",), HEAD_NOTE),
        lambda: Proof(0, (), NOTE),
        lambda: Signature("a b", bytes(4), bytes(64)),
        lambda: Signature("a", bytes(3), bytes(64)),
        lambda: vkey("a b", PUBLIC),
        lambda: vkey("a", PUBLIC[:31]),
        lambda: signed_note("a\n", []),
        lambda: signed_note("a", [signature("a")]),
        lambda: signed_note(f"a\n\n{LINE}", [signature("a")]),
    ],
)
def test_nothing_is_written_that_can_t_be_read(make: Callable[[], object]):
    with pytest.raises(LogFormatError):
        make()
