"""deploy/audit/assay_verify.py says of evidence what our own code and two others say, and it fails closed."""

import base64
import contextlib
import importlib.util
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import jwt
import pytest
import scitt_cose
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.tokens.signatures import ed25519_holds
from cli.wiring.offline_checks import verify_receipt
from domain.records import commitments
from domain.records.fields import OutcomeFields
from domain.records.records import (
    SCHEMA_VERSION,
    EncryptedFields,
    EventKind,
    Record,
    canonical,
    record_digest,
)
from domain.transparency.checkpoints import (
    Checkpoint,
    Proof,
    Signature,
    UnknownLogKey,
    key_id,
    open_proof,
    parse_proof,
    parse_vkey,
    signed_note,
    vkey,
)
from domain.transparency.merkle import (
    EMPTY_ROOT,
    consistency_path,
    edge_of,
    inclusion_path,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from domain.transparency.tiles import new_tiles, subtree_from_tiles
from services.verification.receipts import ReceiptInvalid, ReceiptUndecided
from tests.paths import ROOT

FILE = ROOT / "deploy/audit/assay_verify.py"
ORIGIN = "assay.local/acme"
LOG, OTHER, RECEIPTS = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
RUN = "inf.acme." + "a" * 32


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("assay_verify", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VERIFIER = load()


def public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()


KEY = vkey(ORIGIN, public(LOG))


def check(*arguments: object) -> tuple[int, dict[str, Any]]:
    """The exit code and the finding."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = VERIFIER.main([*map(str, arguments), "--json"])
    found = json.loads(said.getvalue())
    assert code == {"broken": 1, "unknown key": 3}.get(found["verdict"], 0)
    return code, found


def why(*arguments: object) -> str:
    """Return the reason for a broken verdict."""
    code, found = check(*arguments)
    assert code == 1, found
    return str(found["why"])


def note_of(text: str, *signers: tuple[str, Ed25519PrivateKey]) -> str:
    made = [
        Signature(name, key_id(name, public(private)), private.sign(text.encode()))
        for name, private in signers or ((ORIGIN, LOG),)
    ]
    return signed_note(text, made)


class Log:
    """A log of entries, by our own code."""

    def __init__(self, digests: list[bytes]) -> None:
        self.digests = digests
        tiles = new_tiles(0, map(leaf_hash, digests), {})
        self.subtree = lambda level, idx: subtree_from_tiles(level, idx, tiles)

    def root(self, size: int) -> bytes:
        return edge_of(size, self.subtree).root()

    def note(self, size: int, *signers: tuple[str, Ed25519PrivateKey], origin: str = ORIGIN) -> str:
        return note_of(Checkpoint(origin, size, self.root(size)).text(), *signers)

    def proof(self, index: int, size: int) -> str:
        return Proof(index, tuple(inclusion_path(size, index, self.subtree)), self.note(size)).text()

    def consistency(self, old: int, new: int) -> list[bytes]:
        return consistency_path(old, new, self.subtree)


PLAIN = Log([n.to_bytes(32, "big") for n in range(300)])


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str | bytes | dict[str, Any]], Path]:
    """Writes a file of evidence."""

    def write(name: str, content: str | bytes | dict[str, Any]) -> Path:
        path = tmp_path / name
        text = json.dumps(content) if isinstance(content, dict) else content
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


Put = Callable[[str, str | bytes | dict[str, Any]], Path]


def cosigner_key() -> str:
    """A key of the type of cosignatures, which are made over another message (C2SP tlog-cosignature)."""
    material = b"\4" + public(LOG)
    found_id = VERIFIER.sha256(ORIGIN.encode() + b"\n" + material)[:4].hex()
    return f"{ORIGIN}+{found_id}+{base64.b64encode(material).decode()}"


# Itself


LISTS_IMPORTS = """
import ast, sys
nodes = list(ast.walk(ast.parse(open(sys.argv[1]).read())))
found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
found |= {"." * node.level + str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
print(*sorted(found))
"""


def test_it_imports_the_standard_library_and_cryptography_alone():
    # in a process of its own: CPython 3.11 may fail to parse where a deep recursion was caught before (gh-106905)
    command = [sys.executable, "-I", "-c", LISTS_IMPORTS, FILE]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert {name.split(".")[0] for name in names} - sys.stdlib_module_names == {"cryptography"}


def test_it_works_where_it_is_copied_to(tmp_path: Path, put: Put):
    script = shutil.copy(FILE, tmp_path)
    command = [sys.executable, "-I", script, "proof", put("p", PLAIN.proof(5, 8)), "--record-digest"]
    done = subprocess.run([*command, PLAIN.digests[5].hex(), "--key", KEY], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"holds: log {ORIGIN}, index 5, size 8, root {PLAIN.root(8).hex()}\n"
    done = subprocess.run([*command, PLAIN.digests[6].hex(), "--key", KEY], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "broken: the proof does not prove this record in this log\n")
    done = subprocess.run([*command, "00"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--key" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["proof", "here", "--key", KEY],
        ["proof", "nowhere", "--record-digest", "00", "--key", KEY],
        ["proof", "here", "--record-digest", "xx", "--key", KEY],
        ["proof", "here", "--record-digest", "00", "--key", KEY.replace("acme", "globex")],
        ["proof", "here", "--record-digest", "00", "--key", KEY[:-4]],
        ["proof", "here", "--record-digest", "00", "--key", cosigner_key()],
        ["consistency", "here", "here", "here"],
        ["export", "nowhere", "--key", KEY],
        ["export", "here"],
        ["receipt", "here"],
        ["receipt", "here", "--jwks", "here"],
        ["receipt", "here", "--jwks", "nowhere"],
        ["receipt", "here", "--jwks", "jwks", "--proof", "here"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_neither_yes_nor_no(arguments: list[str], put: Put, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(put("here", "not JSON").parent)
    put("jwks", {"keys": []})
    with contextlib.redirect_stderr(io.StringIO()), pytest.raises(SystemExit) as ended:
        VERIFIER.main(arguments)
    assert ended.value.code == 2


# The tree, against our own algorithms and another's


SIZES = st.one_of(st.integers(1, 70), st.integers(1, 2**63 - 1))
PILE = [leaf_hash(bytes([n])) for n in range(130)]  # more hashes than any path has


def used(pile: list[bytes]) -> list[bytes]:
    """Return the items taken off the pile."""
    return PILE[len(pile) :]


@settings(max_examples=300, deadline=None)
@given(SIZES, st.data())
def test_inclusion_is_what_the_rfcs_algorithm_says(size: int, data: st.DataObject):
    index, pile = data.draw(st.integers(0, size - 1)), list(PILE)
    root, path = VERIFIER.root_by_path(leaf_hash(b"x"), index, size, pile), used(pile)
    assert verify_inclusion(b"x", index, size, path, root)
    assert not verify_inclusion(b"x", index, size, [PILE[0], *path], root)
    if path:
        assert not verify_inclusion(b"x", index, size, path[1:], root)
        with pytest.raises(IndexError):
            VERIFIER.root_by_path(leaf_hash(b"x"), index, size, path[1:])


@settings(max_examples=300, deadline=None)
@given(SIZES, st.data())
def test_consistency_is_what_the_rfcs_algorithm_says(size: int, data: st.DataObject):
    old, pile = data.draw(st.integers(1, size)), list(PILE)
    (old_root, new_root), path = VERIFIER.roots_by_path(old, size, leaf_hash(b"x"), pile), used(pile)
    assert verify_consistency(old, size, old_root, new_root, path)
    assert not verify_consistency(old, size, old_root, leaf_hash(b"y"), path)
    assert not verify_consistency(old, size, old_root, new_root, [PILE[0], *path])
    if path:
        assert not verify_consistency(old, size, old_root, new_root, path[1:])
        with pytest.raises(IndexError):
            VERIFIER.roots_by_path(old, size, leaf_hash(b"x"), path[1:])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100, 257])
def test_proofs_of_scitt_cose_hold(size: int):
    entries = [digest.hex() for digest in PLAIN.digests[:size]]
    root = bytes.fromhex(scitt_cose.merkle_root(entries))
    for index in {0, size // 2, size - 1}:
        path = [bytes.fromhex(step) for step in scitt_cose.inclusion_proof(entries, index)]
        assert VERIFIER.root_by_path(leaf_hash(PLAIN.digests[index]), index, size, path) == root
        assert path == []
    for old in {1, size // 2 or 1, size}:
        path = [bytes.fromhex(step) for step in scitt_cose.consistency_proof(entries, old, size)]
        old_root = bytes.fromhex(scitt_cose.merkle_root(entries[:old]))
        assert VERIFIER.roots_by_path(old, size, old_root, path) == (old_root, root)
        assert path == []


def test_checkpoints_of_aics_tlog_hold():
    if sys.version_info < (3, 12):
        pytest.skip("aics-tlog needs Python 3.12 or newer")
    tlog = importlib.import_module("aics_tlog")
    note = tlog.sign_checkpoint(tlog.Checkpoint(ORIGIN, 8, PLAIN.root(8)), LOG, ORIGIN).serialise()
    assert VERIFIER.open_note(note, [VERIFIER.verifier_key(KEY)]) == (ORIGIN, 8, PLAIN.root(8))


# proof


@pytest.mark.parametrize("size", [1, 2, 7, 8, 255, 256, 257, 300])
def test_a_proof_holds_for_its_own_record_alone(size: int, put: Put):
    for index in sorted({0, size // 2, size - 1}):
        path = put("p", PLAIN.proof(index, size))
        _, found = check("proof", path, "--record-digest", PLAIN.digests[index].hex(), "--key", KEY)
        root = PLAIN.root(size).hex()
        assert found == {"verdict": "holds", "log": ORIGIN, "index": index, "size": size, "root": root}
        other = PLAIN.digests[index - 1 if index else 299]
        assert "does not prove this record" in why("proof", path, "--record-digest", other.hex(), "--key", KEY)


def test_other_keys_count_for_nothing(put: Put):
    known = vkey("witness", public(OTHER))
    call = ("--record-digest", PLAIN.digests[5].hex(), "--key")
    path = put("p", PLAIN.proof(5, 8))
    code, found = check("proof", path, *call, vkey(ORIGIN, public(OTHER)))  # another version of the log's key
    assert (code, found["verdict"]) == (3, "unknown key")
    assert "not signed by its log" in why("proof", path, *call, vkey("assay.local/globex", public(LOG)))
    assert check("proof", path, *call, known, "--key", KEY)[0] == 0
    both = PLAIN.note(8, ("witness", OTHER), (ORIGIN, LOG))
    witnessed = put("p", PLAIN.proof(5, 8).replace(PLAIN.note(8), both))
    assert check("proof", witnessed, *call, KEY)[0] == check("proof", witnessed, *call, KEY, "--key", known)[0] == 0
    alone = put("p", PLAIN.proof(5, 8).replace(PLAIN.note(8), PLAIN.note(8, ("witness", OTHER))))
    assert "not signed by its log" in why("proof", alone, *call, KEY, "--key", known)
    bad = both.replace(both.split("\n")[4], PLAIN.note(7, ("witness", OTHER)).split("\n")[4])
    spoiled = put("p", PLAIN.proof(5, 8).replace(PLAIN.note(8), bad))
    assert "signature is invalid" in why("proof", spoiled, *call, KEY, "--key", known)
    assert check("proof", spoiled, *call, KEY)[0] == 0


def test_an_entry_after_the_last_is_none(put: Put):
    """Its path would be that of the last one."""
    path = put("p", PLAIN.proof(7, 8).replace("index 7", "index 8"))
    assert "beyond the log's size" in why("proof", path, "--record-digest", PLAIN.digests[7].hex(), "--key", KEY)


def test_a_hash_too_many_is_no_proof(put: Put):
    for at in range(4):
        head, *path = PLAIN.proof(5, 8).split("\n")[1:5]
        more = "\n".join([head, *path[:at], path[0], *path[at:]])
        text = PLAIN.proof(5, 8).replace("\n".join([head, *path]), more)
        assert check("proof", put("p", text), "--record-digest", PLAIN.digests[5].hex(), "--key", KEY)[0] == 1


def test_extra_data_is_allowed_and_proves_nothing(put: Put):
    path = put("p", PLAIN.proof(5, 8).replace("index", "extra AAAA\nindex"))
    assert check("proof", path, "--record-digest", PLAIN.digests[5].hex(), "--key", KEY)[0] == 0


SIGNER = f"\u2014 {ORIGIN} " + base64.b64encode(key_id(ORIGIN, public(LOG)))[:4].decode()
"""Start of the log's signature line, with three bytes of the key ID."""


def changed_texts(text: str) -> st.SearchStrategy[str]:
    """Texts with a part replaced by up to three characters, or by itself."""

    def replaced(places: tuple[int, int], by: str | None) -> str:
        at, end = sorted(places)
        return text[:at] + (text[at:end] if by is None else by) + text[end:]

    place = st.integers(0, len(text))
    return st.builds(replaced, st.tuples(place, place), st.one_of(st.text(max_size=3), st.just("\n"), st.none()))


def own_code(proof: str) -> int:
    """Exit code for the finding of our own code."""
    try:
        open_proof(parse_proof(proof), PLAIN.digests[5], [parse_vkey(KEY)], ed25519_holds)
    except UnknownLogKey:
        return 3
    except ValueError:
        return 1
    return 0


@settings(max_examples=300, deadline=None)
@given(changed=changed_texts(PLAIN.proof(5, 8)))
@example(changed=PLAIN.proof(5, 8))
@example(changed=PLAIN.proof(5, 8).replace(SIGNER, f"\u2014 {ORIGIN} AAAA"))  # a key ID that is not given
def test_no_changed_proof_holds(changed: str, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.getbasetemp() / "changed"
    path.write_bytes(changed.encode())
    code, found = check("proof", path, "--record-digest", PLAIN.digests[5].hex(), "--key", KEY)
    assert (code == 0) == (changed == PLAIN.proof(5, 8)), (found, changed)
    assert code == own_code(changed), (found, changed)


# consistency


def lines(path: list[bytes]) -> str:
    return "".join(f"{base64.b64encode(step).decode()}\n" for step in path)


@pytest.mark.parametrize("old", [0, 1, 2, 6, 7, 8, 255, 256, 300])
@pytest.mark.parametrize("size", [8, 257, 300])
def test_a_log_that_grew(old: int, size: int, put: Put):
    if old > size:
        old, size = size, old
    path = PLAIN.consistency(old, size)
    before, after, proof = put("old", PLAIN.note(old)), put("new", PLAIN.note(size)), put("p", lines(path))
    assert check("consistency", before, after, proof, "--key", KEY) == (
        0,
        {"verdict": "holds", "log": ORIGIN, "old": old, "size": size, "root": PLAIN.root(size).hex()},
    )
    assert check("consistency", before, after, put("p", f"old {old}\n{lines(path)}"), "--key", KEY)[0] == 0
    assert check("consistency", before, after, put("p", lines([*path, bytes(32)])), "--key", KEY)[0] == 1
    if path:
        assert "too short" in why("consistency", before, after, put("p", lines(path[1:])), "--key", KEY)
    if old < size:
        assert "fewer" in why("consistency", after, before, proof, "--key", KEY)


def test_a_log_whose_past_was_changed(put: Put):
    changed = Log([*PLAIN.digests[:3], b"other" * 5, *PLAIN.digests[4:]])
    before = put("old", PLAIN.note(6))
    for size in (6, 8):
        proof = put("p", lines(changed.consistency(6, size)))
        assert "no consistency proof" in why("consistency", before, put("new", changed.note(size)), proof, "--key", KEY)


def test_checkpoints_of_two_logs_or_without_a_signature(put: Put):
    globex = PLAIN.note(8, ("assay.local/globex", LOG), origin="assay.local/globex")
    call = ("consistency", put("old", PLAIN.note(8)))
    keys = ("--key", KEY, "--key", vkey("assay.local/globex", public(LOG)))
    assert "different logs" in why(*call, put("new", globex), put("p", ""), *keys)
    unsigned = Checkpoint(ORIGIN, 8, PLAIN.root(8)).text()
    assert "not a signed note" in why(*call, put("new", unsigned), put("p", ""), *keys)
    forged = PLAIN.note(8).replace("\n8\n", "\n9\n")
    assert "signature is invalid" in why(*call, put("new", forged), put("p", ""), *keys)
    empty = note_of(Checkpoint(ORIGIN, 0, bytes(32)).text())
    assert "empty log" in why("consistency", put("old", empty), put("new", PLAIN.note(8)), put("p", ""), *keys)
    assert check("consistency", put("old", PLAIN.note(0)), put("new", PLAIN.note(8)), put("p", ""), *keys)[0] == 0
    assert PLAIN.root(0) == EMPTY_ROOT


# receipt


REQUEST = {"model": "fake", "prompt": "Gr\u00fc\u00dfe \U0001f600", "temperature": 0.1}
JWKS = {
    "keys": [
        {**jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": f"receipt-signing:{n}"}
        for n, key in ((1, OTHER), (2, RECEIPTS))
    ]
}


def commit(label: str, content: bytes) -> commitments.Commitment:
    return commitments.commit(b"k" * 32, UUID(int=7), label, content)


def claims_of(digest: bytes) -> dict[str, Any]:
    return {
        "iss": "urn:assay",
        "jti": str(UUID(int=7)),
        "sub": RUN,
        "run": "run",
        "tenant": "acme",
        "outcome": "completed",
        "record_digest": digest.hex(),
        "prompt_commitment": commit("prompt", canonical(REQUEST)).digest,
        "answer_commitment": commit("answer", b"Hello").digest,
        "log": ORIGIN,
        "within": 60,
    }


def sign(claims: dict[str, Any], private: Ed25519PrivateKey = RECEIPTS, **header: Any) -> str:
    return jwt.encode(claims, private, "EdDSA", {"typ": "assay-receipt+jwt", "kid": "receipt-signing:2", **header})


def run_of(claims: dict[str, Any], statement: str | None = None) -> dict[str, Any]:
    openings = {"prompt": commit("prompt", canonical(REQUEST)).salt, "answer": commit("answer", b"Hello").salt}
    receipt = {
        "event_id": claims["jti"],
        "record_digest": claims["record_digest"],
        "statement": statement or sign(claims),
        "openings": openings,
    }
    return {"id": RUN, "status": "completed", "result": {"model": "fake", "content": "Hello"}, "receipt": receipt}


CLAIMS = claims_of(PLAIN.digests[5])
ANSWER = run_of(CLAIMS)
PROMISED = {
    "verdict": "promised",
    "outcome": "completed",
    "run": RUN,
    "event_id": CLAIMS["jti"],
    "log": ORIGIN,
    "within": 60,
}


@pytest.fixture
def receipt(put: Put) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Checks a document, with the request where it is given, and options."""

    def verify(document: dict[str, Any], *options: object, request: Any = None) -> tuple[int, dict[str, Any]]:
        sent = () if request is None else ("--request", put("request", json.dumps(request)))
        return check("receipt", put("answer", document), "--jwks", put("jwks", JWKS), *sent, *options)

    return verify


Receipt = Callable[..., tuple[int, dict[str, Any]]]


def test_a_receipt_is_a_promise(receipt: Receipt):
    assert receipt(ANSWER) == (0, {**PROMISED, "checked": ["signature", "answer"]})
    assert receipt(ANSWER, request=REQUEST) == (0, {**PROMISED, "checked": ["signature", "answer", "prompt"]})
    assert receipt(ANSWER, "--key", KEY) == (0, {**PROMISED, "checked": ["signature", "answer"]})
    assert receipt(ANSWER["receipt"]) == (0, {**PROMISED, "checked": ["signature"]})
    assert receipt({"title": "a problem", "run": ANSWER}) == (0, {**PROMISED, "checked": ["signature", "answer"]})
    plain = {**ANSWER, "result": "Hello"}  # as the tutorial's route answers
    assert receipt(plain) == (0, {**PROMISED, "checked": ["signature", "answer"]})


def test_a_receipt_with_a_proof_is_sealed(receipt: Receipt, put: Put):
    sealed = {**PROMISED, "verdict": "sealed", "index": 5, "size": 8, "root": PLAIN.root(8).hex()}
    proof, own = PLAIN.proof(5, 8), {**ANSWER, "receipt": {**ANSWER["receipt"], "proof": PLAIN.proof(5, 8)}}
    found = (0, {**sealed, "checked": ["signature", "answer", "proof"]})
    assert receipt(ANSWER, "--proof", put("p", proof), "--key", KEY) == found
    assert receipt(own, "--key", KEY) == found
    assert receipt(own) == (0, {**PROMISED, "checked": ["signature", "answer"]})
    for broken in (PLAIN.proof(6, 8), "", "x"):
        assert receipt(own, "--proof", put("p", broken), "--key", KEY)[0] == 1
        assert receipt({**ANSWER, "receipt": {**ANSWER["receipt"], "proof": broken}}, "--key", KEY)[0] == 1


def test_a_proof_of_another_log_seals_nothing(receipt: Receipt, put: Put):
    answer = run_of({**CLAIMS, "log": "assay.local/globex"})
    code, found = receipt(answer, "--proof", put("p", PLAIN.proof(5, 8)), "--key", KEY)
    assert (code, found["why"]) == (1, "the proof and the receipt belong to different logs")


HEADER, BODY, SIGNED = ANSWER["receipt"]["statement"].split(".")


def changed(**receipt: Any) -> dict[str, Any]:
    return {**ANSWER, "receipt": {**ANSWER["receipt"], **receipt}}


@pytest.mark.parametrize(
    ("document", "request_body", "part"),
    [
        ({**ANSWER, "result": {"content": "Hell"}}, None, "another answer"),
        ({**ANSWER, "id": RUN[:-1] + "b"}, None, "another run"),
        (ANSWER, {**REQUEST, "temperature": 0.2}, "another prompt"),
        ({**ANSWER, "receipt": None}, None, "no receipt"),
        ({}, None, "no receipt"),
        (changed(record_digest="0" * 64), None, "record_digest"),
        (changed(event_id=str(UUID(int=8))), None, "event_id"),
        (changed(openings={}), None, "answer"),
        (changed(openings=None), None, "can't be read"),
        (changed(statement=f"{HEADER}.{BODY}.{SIGNED[:-4]}AAAA"), None, "signature is invalid"),
        (changed(statement=f"{HEADER}.{BODY}."), None, "signature is invalid"),
        (changed(statement=f"{HEADER}.{BODY}"), None, "can't be read"),
        (changed(statement=sign(CLAIMS, OTHER)), None, "signature is invalid"),
        (changed(statement=sign(CLAIMS, kid="token-signing:1")), None, "not a receipt"),
        (changed(statement=sign(CLAIMS, typ="at+jwt")), None, "not a receipt"),
        (
            changed(
                statement=jwt.encode(
                    CLAIMS, "k" * 32, "HS256", json.loads(jwt.utils.base64url_decode(HEADER)) | {"alg": "HS256"}
                )
            ),
            None,
            "not a receipt",
        ),
        (run_of({**CLAIMS, "answer_commitment": None}), None, "commitment to the answer"),
    ],
)
def test_a_broken_receipt(document: dict[str, Any], request_body: Any, part: str, receipt: Receipt):
    """Our own verifier agrees."""
    code, found = receipt(document, request=request_body)
    assert (code, found["verdict"]) == (1, "broken")
    assert part in found["why"]
    with pytest.raises((ReceiptInvalid, KeyError, TypeError, AttributeError)):
        verify_receipt(document, JWKS, request_body)


def test_a_receipt_of_a_key_that_is_not_given_is_not_broken(receipt: Receipt):
    """Unlike one whose signature the named key did not make."""
    later = changed(statement=sign(CLAIMS, OTHER, kid="receipt-signing:3"))
    code, found = receipt(later)
    assert (code, found["verdict"]) == (3, "unknown key")
    assert "not among the given keys" in found["why"]
    with pytest.raises(ReceiptUndecided):
        verify_receipt(later, JWKS)


def test_a_receipt_for_an_answer_of_parts_is_about_all_of_them(receipt: Receipt):
    parts = [{"type": "text", "text": "Gr\u00fc\u00dfe"}, {"type": "tool_call", "name": "clock", "arguments": "{}"}]
    made = commit("answer", canonical(parts))
    run = run_of({**CLAIMS, "answer_commitment": made.digest})
    run["receipt"]["openings"]["answer"] = made.salt
    run["result"] = {"model": "fake", "content": "Gr\u00fc\u00dfe", "parts": parts}
    assert receipt(run) == (0, {**PROMISED, "checked": ["signature", "answer"]})
    assert verify_receipt(run, JWKS)["checked"] == "signature, answer"
    flat = {**run, "result": "Gr\u00fc\u00dfe", "parts": parts}  # as the tutorial's route answers
    assert receipt(flat) == (0, {**PROMISED, "checked": ["signature", "answer"]})
    assert verify_receipt(flat, JWKS)["checked"] == "signature, answer"
    run["result"]["parts"] = parts[:1]
    assert receipt(run)[0] == 1
    with pytest.raises(ReceiptInvalid):
        verify_receipt(run, JWKS)


def test_our_own_verifier_agrees_on_a_receipt_that_holds():
    assert verify_receipt(ANSWER, JWKS, REQUEST)["checked"] == "signature, answer, request"


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_document_makes_it_stumble(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory):
    anything = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=4)
    document = data.draw(st.sampled_from([ANSWER, ANSWER["receipt"], {"run": ANSWER}]).map(json.dumps).map(json.loads))
    where = document.get("run", document).get("receipt", document)
    inner = data.draw(st.sampled_from([document, where]))
    inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(anything)
    base = tmp_path_factory.getbasetemp()
    (base / "jwks").write_text(json.dumps(JWKS))
    (base / "answer").write_text(json.dumps(document))
    code, found = check("receipt", base / "answer", "--jwks", base / "jwks", "--key", KEY)
    assert (code == 0) == (found["verdict"] in {"promised", "sealed"})


# export


@dataclass
class Export:
    """An export as a list of what its lines say."""

    header: dict[str, Any]
    entries: list[dict[str, Any]]

    def text(self) -> str:
        return "".join(f"{json.dumps(line)}\n" for line in (self.header, *self.entries))

    def with_entry(self, at: int, **changed: Any) -> "Export":
        """With the entry at a place changed."""
        entries = list(self.entries)
        entries[at] = {**entries[at], **changed}
        return replace(self, entries=entries)


def record_line(number: int, kind: EventKind = EventKind.COMPLETED, tenant: str = "acme") -> dict[str, Any]:
    """A line by our own code. Every second record is about someone."""
    subject, subject_key = ("5" * 64, UUID(int=5)) if number % 2 else (None, None)
    record = Record(
        event_id=UUID(int=number),
        tenant=tenant,
        kind=kind,
        recorded_at=datetime(2026, 1, 2, 3, 4, 5, number, UTC),
        fields=OutcomeFields(caller="c" * 32, rules=("a", "b"), score=0.25, model="gr\u00fc\u00df"),
        sealed=EncryptedFields(),
        workflow_id=RUN if number % 2 else None,
        run_id="run",
    )
    ciphertext = bytes([number]) * 100
    digest = record_digest(record, key_id="key-1", ciphertext=ciphertext, subject=subject, subject_key=subject_key)
    return {
        "seq": number,
        "event_id": str(record.event_id),
        "tenant": tenant,
        "kind": kind.value,
        "recorded_at": record.recorded_at.isoformat().replace("+00:00", "Z"),
        "workflow_id": record.workflow_id,
        "run_id": "run",
        "fields": {"caller": "c" * 32, "rules": ["a", "b"], "score": 0.25, "model": "gr\u00fc\u00df"},
        "key_id": "key-1",
        "ciphertext": base64.b64encode(ciphertext).decode(),
        "content_mac": "00",
        "stored_at": "2026-01-02T03:04:06Z",
        "schema": SCHEMA_VERSION,
        "subject": subject,
        "subject_key": subject_key and str(subject_key),
        "digest": digest.hex(),
    }


RECORDS = [record_line(number) for number in range(11)]
RECORD_LOG = Log([bytes.fromhex(line["digest"]) for line in RECORDS])


def export_of(first: int = 0, after: int = 11, size: int | None = None, log: Log = RECORD_LOG) -> Export:
    header: dict[str, Any] = {"assay_export": 1, "log": ORIGIN, "first": first, "after": after}
    header["checkpoint"] = log.note(after if size is None else size)
    if first:
        header["edge"] = [value.hex() for value in edge_of(first, log.subtree).hashes]
    if size is not None:
        header["consistency"] = [step.hex() for step in log.consistency(after, size)]
    return Export(header, RECORDS[first:after])


@pytest.fixture
def exported(put: Put) -> Callable[[Export | str | bytes], tuple[int, dict[str, Any]]]:
    """Checks an export."""

    def verify(export: Export | str | bytes) -> tuple[int, dict[str, Any]]:
        return check("export", put("e", export.text() if isinstance(export, Export) else export), "--key", KEY)

    return verify


Exported = Callable[[Export | str | bytes], tuple[int, dict[str, Any]]]


@pytest.mark.parametrize(
    ("first", "after"), [(0, 0), (0, 1), (0, 8), (0, 11), (4, 11), (5, 6), (7, 11), (8, 8), (10, 11)]
)
@pytest.mark.parametrize("size", [None, 11])
def test_an_export_that_holds(first: int, after: int, size: int | None, exported: Exported):
    assert exported(export_of(first, after, size)) == (
        0,
        {
            "verdict": "holds",
            "log": ORIGIN,
            "size": size or after,
            "first": first,
            "after": after,
            "records": after - first,
            "leaves_only": 0,
        },
    )


def leaf_only(line: dict[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in ("seq", "event_id", "digest")}


def test_what_was_erased_or_archived_is_a_leaf_only_and_counted(exported: Exported):
    export = export_of()
    export.entries = [leaf_only(line) if line["seq"] in {2, 7} else line for line in export.entries]
    code, found = exported(export)
    assert (code, found["records"], found["leaves_only"]) == (0, 9, 2)
    code, found = exported(export.with_entry(2, event_id=UUID(int=2).urn))
    assert (code, found["seq"], found["why"]) == (1, 2, "the event's ID is not a UUID")
    code, found = exported(export.with_entry(2, digest="00" * 32))
    assert (code, found["why"]) == (1, "its entries are not those of the signed log")


def test_the_person_that_a_record_is_about_is_in_its_digest(exported: Exported):
    for changed in ({"subject": None}, {"subject_key": None}, {"subject": "6" * 64}, {"schema": 1}):
        code, found = exported(export_of().with_entry(5, **changed))
        assert (code, found["seq"], found["why"]) == (1, 5, "the record differs from the logged one")


def test_a_record_of_another_tenant_s_in_this_log(exported: Exported):
    line = record_line(0, tenant="globex")
    log = Log([bytes.fromhex(line["digest"])])
    code, found = exported(replace(export_of(0, 1, log=log), entries=[line]))
    assert (code, found["seq"], found["why"]) == (1, 0, "the record and the log belong to different tenants")


def test_a_record_of_the_first_schema(exported: Exported):
    """Known since before there was a log: the digest is one that tests/unit/records/test_records.py pinned."""
    line = {
        "seq": 0,
        "event_id": "018bcfe5-6800-7000-8000-000000000001",
        "tenant": "acme",
        "kind": "completed",
        "recorded_at": "2026-01-02T05:04:05.000006+02:00",
        "workflow_id": "inf.acme.x",
        "run_id": "run",
        "fields": {"caller": "c" * 32, "rules": ["a", "b"], "score": 0.25, "prompt_tokens": 0},
        "key_id": "key-1",
        "ciphertext": base64.b64encode(b"ciphertext").decode(),
        "schema": 1,
        "digest": "6e61a67020e7cbe5969d2883b3a848fe6808e8d99d6bdc0cfa1f2df6b2a65e87",
    }
    log = Log([bytes.fromhex(line["digest"])])
    assert exported(replace(export_of(0, 1, log=log), entries=[line]))[0] == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"event_id": str(UUID(int=99))},
        {"event_id": "5"},
        {"event_id": None},
        {"tenant": "globex"},
        {"kind": "blocked"},
        {"recorded_at": "2026-01-02T03:04:05.000006Z"},
        {"recorded_at": "2026-01-02T03:04:05.000005"},
        {"recorded_at": "yesterday"},
        {"recorded_at": "0001-01-01T00:00:00+23:00"},
        {"workflow_id": None},
        {"run_id": None},
        {"fields": {}},
        {"fields": {"score": float("nan")}},
        {"key_id": "key-2"},
        {"ciphertext": "AAAA"},
        {"ciphertext": "-"},
        {"ciphertext": None},
        {"digest": "00" * 32},
        {"digest": None},
        {"schema": 7},
        {"schema": None},
        {"schema": []},
        {"seq": 6},
        {"seq": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("first", [0, 3])
def test_the_first_bad_event_is_named(changed: dict[str, Any], first: int, exported: Exported):
    export = export_of(first).with_entry(5 - first, **changed).with_entry(8 - first, kind="failed")
    code, found = exported(export)
    assert (code, found["verdict"], found["seq"]) == (1, "broken", 5)
    assert found["event_id"] == changed.get("event_id", RECORDS[5]["event_id"])


@pytest.mark.parametrize("name", sorted(set(RECORDS[5]) - {"content_mac", "stored_at"}))
def test_a_field_that_is_missing_is_named(name: str, exported: Exported):
    export = export_of()
    del (line := dict(export.entries[5]))[name]
    export.entries = [*export.entries[:5], line, *export.entries[6:]]
    code, found = exported(export)
    assert (code, found["seq"], found["why"]) == (1, 5, f"'{name}' is missing")


def gaps() -> Iterator[tuple[str, Export, int | None]]:
    whole = export_of()
    yield "removed", replace(whole, entries=whole.entries[:5] + whole.entries[6:]), 5
    yield "twice", replace(whole, entries=whole.entries[:6] + whole.entries[5:]), 6
    yield "swapped", replace(whole, entries=[*whole.entries[:5], whole.entries[6], whole.entries[5]]), 5
    yield "end cut off", replace(whole, entries=whole.entries[:-1]), None
    yield "end cut off and said so", replace(export_of(0, 10), header={**whole.header, "after": 10}), None
    yield "begin cut off", replace(export_of(1), header={**export_of(1).header, "edge": ["00" * 32]}), None


@pytest.mark.parametrize(("export", "seq"), [gap[1:] for gap in gaps()], ids=[gap[0] for gap in gaps()])
def test_nothing_is_left_out_unnoticed(export: Export, seq: int | None, exported: Exported):
    code, found = exported(export)
    assert (code, found.get("seq")) == (1, seq)


def test_a_record_with_a_digest_made_to_fit_is_not_what_was_signed(exported: Exported):
    forged = record_line(5, EventKind.BLOCKED)
    code, found = exported(export_of().with_entry(5, **forged))
    assert (code, found) == (1, {"verdict": "broken", "why": "its entries are not those of the signed log"})


@pytest.mark.parametrize(
    "changed",
    [
        {"assay_export": 2},
        {"log": "assay.local/globex"},
        {"first": 1},
        {"first": -1},
        {"first": None},
        {"first": 0.0},
        {"after": 12},
        {"edge": ["00" * 32]},
        {"checkpoint": ""},
        {"checkpoint": None},
        {"checkpoint": PLAIN.note(11)},
        {"checkpoint": RECORD_LOG.note(10)},
        {"checkpoint": RECORD_LOG.note(11, (ORIGIN, OTHER))},
        {"consistency": ["00" * 32]},
    ],
    ids=str,
)
def test_a_header_that_does_not_fit(changed: dict[str, Any], exported: Exported):
    export = export_of()
    assert exported(export)[0] == 0
    of_another_version = changed.get("checkpoint") == RECORD_LOG.note(11, (ORIGIN, OTHER))
    code = exported(replace(export, header={**export.header, **changed}))[0]
    assert code == (3 if of_another_version else 1)
    for name in changed:
        if name not in {"edge", "consistency"}:
            del (header := dict(export.header))[name]
            code, found = exported(replace(export, header=header))
            assert (code, found["why"]) == (1, f"'{name}' is missing")


@pytest.mark.parametrize("first", [1, 3, 6, 7])
def test_what_lies_before_an_export_is_bound_by_its_edge(first: int, exported: Exported):
    export = export_of(first)
    for at in range(len(export.header["edge"])):
        edge = list(export.header["edge"])
        for other in ("00" * 32, "00", "", edge[at] + "00"):
            changed = [*edge[:at], other, *edge[at + 1 :]]
            code, found = exported(replace(export, header={**export.header, "edge": changed}))
            expected = (
                "its entries are not those of the signed log" if len(other) == 64 else "'edge' does not contain hashes"
            )
            assert (code, found["why"]) == (1, expected)
        code, found = exported(replace(export, header={**export.header, "edge": edge[:at] + edge[at + 1 :]}))
        assert (code, found["why"]) == (1, "'edge' does not match 'first'")


@pytest.mark.parametrize("bad", [b"", b"\xff\n", b"[]\n", b"{\n", b"null\n", b"[" * 100_000 + b"\n"])
def test_lines_that_are_none(bad: bytes, exported: Exported):
    assert exported(bad)[0] == 1
    text = export_of().text().encode().split(b"\n")
    code, found = exported(b"\n".join([*text[:6], bad.strip(b"\n"), *text[7:]]))
    assert (code, found["seq"], found["event_id"]) == (1, 5, None)


def test_what_evidence_says_can_t_move_the_terminal_s_cursor(put: Put, capsys: pytest.CaptureFixture[str]):
    export = export_of().with_entry(0, event_id="\x1b[2J")
    assert VERIFIER.main(["export", str(put("e", export.text())), "--key", KEY]) == 1
    assert "\x1b" not in capsys.readouterr().out
