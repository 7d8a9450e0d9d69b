"""Stand-alone verifier of Assay's evidence: works on files alone, without any server or Assay's own code.

Copy this file to the evidence. It needs Python 3.11 or newer and ``cryptography``.

    python assay_verify.py proof PROOF.tlog-proof --record-digest HEX --key VKEY
    python assay_verify.py receipt ANSWER.json --jwks JWKS.json [--request REQUEST.json] [--proof FILE] [--key VKEY]
    python assay_verify.py consistency OLD.note NEW.note PROOF --key VKEY
    python assay_verify.py export EXPORT.jsonl --key VKEY

VKEY is the log's verifier key: get it, and the JWKS, from elsewhere than the evidence. ``--key`` can be repeated,
``--json`` writes JSON. Exit code: 0 valid, 1 invalid, 2 wrong call, 3 unknown key (fetch the keys again).
Formats: RFC 9162, C2SP signed-note, tlog-checkpoint, tlog-proof, RFC 7515, RFC 8037; algorithms other than Assay's.
"""

import argparse
import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial, reduce
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Key = tuple[str, bytes, bytes]  # a verifier key: its name, its ID in notes, the Ed25519 public key
Found = dict[str, Any]
NUMBER = "(0|[1-9][0-9]{0,18})"
NOTE = r"([^\x00-\x09\x0b-\x1f]*\n)\n((?:\u2014 [^ \n]+ [^ \n]+\n)+)"
CHECKPOINT = rf"([^\n]+)\n{NUMBER}\n([^\n]+)\n(?:[^\n]+\n)*"
PROOF = rf"c2sp\.org/tlog-proof@v1\n(?:extra [^\n]*\n)?index {NUMBER}\n((?:[^\n]+\n)*)\n(.*)"
SCHEMAS: Mapping[int, tuple[str, ...]] = {1: (), 2: ("subject", "subject_key")}  # fields added to a record's digest
UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError)


class Broken(ValueError):
    """The evidence is invalid. Has the reason."""


class UnknownKey(Broken):
    """The evidence's key is not among the given ones. They may be older: fetch them again."""


def demand(condition: object, why: str, error: type[Broken] = Broken) -> None:
    if not condition:
        raise error(why)


def distinct(pairs: Sequence[tuple[str, Any]]) -> Found:
    demand(len(dict(pairs)) == len(pairs), "an object has a name twice")
    return dict(pairs)


def groups(pattern: str, text: str, what: str) -> tuple[str, ...]:
    demand(match := re.fullmatch(pattern, text, re.DOTALL), f"not a {what}")
    return match.groups() if match else ()


def decode(text: str, part: str, length: int | None = None) -> bytes:
    """Decode canonical base64."""
    data = base64.b64decode(text)
    demand(base64.b64encode(data).decode() == text and length in {None, len(data)}, f"{part} is malformed")
    return data


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right)


def root_by_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root for a leaf's hash and its inclusion path; used hashes are removed from the end of ``path``."""
    if size == 1:
        return leaf
    half, sibling = 1 << (size - 1).bit_length() - 1, path.pop()
    if index < half:
        return node(root_by_path(leaf, index, half, path), sibling)
    return node(sibling, root_by_path(leaf, index - half, size - half, path))


def roots_by_path(old: int, new: int, known: bytes | None, path: list[bytes]) -> tuple[bytes, bytes]:
    """Return the old and new root for a consistency path. ``known`` is the old one, while it may be the subtree's."""
    if old == new:
        return (same := known or path.pop()), same
    half, sibling = 1 << (new - 1).bit_length() - 1, path.pop()
    if old <= half:
        before, after = roots_by_path(old, half, known, path)
        return before, node(after, sibling)
    before, after = roots_by_path(old - half, new - half, None, path)
    return node(sibling, before), node(sibling, after)


def check_extends(old: int, old_root: bytes, new: int, new_root: bytes, path: list[bytes], why: str) -> None:
    demand(old <= new, f"the checkpoint covers {new} entries, fewer than {old}")
    found = roots_by_path(old, new, old_root, path) if old else (sha256(b""), new_root)
    demand(not path and found == (old_root, new_root), why)


def check_signature(public: bytes, signature: bytes, message: bytes, whose: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        raise Broken(f"{whose} signature is invalid") from None


def open_note(note: str, keys: Iterable[Key]) -> tuple[str, int, bytes]:
    """Return a note's origin, size and root, verified by its log's key and others."""
    text, lines = groups(NOTE, note, "signed note")
    signed = set()
    for _, name, signature in (line.split(" ") for line in lines.splitlines()):
        made = decode(signature, "a signature of the checkpoint")
        for public in (public for *known, public in keys if known == [name, made[:4]]):
            check_signature(public, made[4:], text.encode(), "the checkpoint's")
            signed.add(name)
    origin, size, root = groups(CHECKPOINT, text, "checkpoint")
    error = UnknownKey if f"\u2014 {origin} " in lines and origin in {name for name, *_ in keys} else Broken
    demand(origin in signed, "the checkpoint is not signed by its log with a given key", error)
    head = origin, int(size), decode(root, "the checkpoint's root", 32)
    demand(head[1] or head[2] == sha256(b""), "the checkpoint of an empty log has another root")
    return head


def open_proof(text: str, digest: bytes, keys: Iterable[Key]) -> Found:
    """Return log and index at which a proof proves the record with this digest."""
    index, lines, note = groups(PROOF, text, "tlog-proof")
    origin, size, root = open_note(note, keys)
    demand(int(index) < size, "the proof's index is beyond the log's size")
    path = [decode(line, "the proof's path", 32) for line in lines.splitlines()]
    found = root_by_path(sha256(b"\0" + digest), int(index), size, path)
    demand(not path and found == root, "the proof does not prove this record in this log")
    return {"log": origin, "index": int(index), "size": size, "root": root.hex()}


def check_consistency(args: argparse.Namespace) -> Found:
    (origin, old, old_root), (other, size, root) = (open_note(note, args.key) for note in (args.old, args.new))
    demand(origin == other, "the checkpoints belong to different logs")
    lines = args.proof.removeprefix(f"old {old}\n").splitlines()  # as in C2SP tlog-witness
    path = [decode(line, "the proof's path", 32) for line in lines if line]
    why = f"no consistency proof shows that the first {old} entries are unchanged"
    check_extends(old, old_root, size, root, path, why)
    return {"verdict": "holds", "log": origin, "old": old, "size": size, "root": root.hex()}


def check_receipt(args: argparse.Namespace) -> Found:
    document = json.loads(args.answer, object_pairs_hook=distinct)
    receipt = (run := document.get("run", document)).get("receipt", run)
    demand(isinstance(receipt, dict) and "statement" in receipt, "the document contains no receipt")
    claims = signed_claims(receipt["statement"], args.jwks)
    demand(receipt["record_digest"] == claims["record_digest"], "'record_digest' differs from what was signed")
    demand(receipt["event_id"] == claims["jti"], "'event_id' differs from what was signed")
    demand(run is receipt or run["id"] == claims["sub"], "the receipt belongs to another run")
    result, checked = run.get("result"), ["signature"]
    answer = result.get("parts") or result.get("content") if isinstance(result, dict) else run.get("parts") or result
    for name, content in (("answer", answer), ("prompt", args.request)):
        if content is not None:
            salt, committed = receipt["openings"].get(name), claims.get(f"{name}_commitment")
            demand(salt and committed, f"the receipt has no commitment to the {name}")
            data = content.encode() if name == "answer" and isinstance(content, str) else canonical(content)
            opened = sha256(b"assay/commitment/v1\0" + bytes.fromhex(salt) + data).hex()
            demand(opened == committed, f"the receipt commits to another {name}")
            checked.append(name)
    found = Found(verdict="promised", outcome=claims["outcome"], run=claims["sub"], event_id=claims["jti"])
    found |= {name: claims[name] for name in ("log", "within") if name in claims}
    proof = receipt.get("proof") if args.proof is None else args.proof
    if proof is not None and args.key:
        found |= {"verdict": "sealed", **open_proof(proof, bytes.fromhex(claims["record_digest"]), args.key)}
        demand(claims.get("log", found["log"]) == found["log"], "the proof and the receipt belong to different logs")
        checked.append("proof")
    return found | {"checked": checked}


def signed_claims(statement: str, jwks: Mapping[str, Any]) -> Found:
    """Return the claims of a receipt's JWS, verified with a key of the JWKS."""
    signed, signature = statement.rsplit(".", 1)
    header, claims = (json.loads(base64url(part), object_pairs_hook=distinct) for part in signed.split("."))
    typed = (header["alg"], header["typ"], "crit" in header) == ("EdDSA", "assay-receipt+jwt", False)
    demand(typed and header["kid"].startswith("receipt-signing:"), "the statement is not a receipt")
    known = [base64url(key["x"]) for key in jwks["keys"] if (key["kid"], key["crv"]) == (header["kid"], "Ed25519")]
    demand(known, "the receipt's key is not among the given keys", UnknownKey)
    check_signature(known[0], base64url(signature), signed.encode(), "the receipt's")
    return dict(claims)


def base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def check_export(args: argparse.Namespace) -> Found:
    with args.export.open("rb") as lines:
        header = json.loads(next(lines, b""), object_pairs_hook=distinct)
        demand(header["assay_export"] == 1, "not an export of version 1")
        origin, size, signed_root = open_note(header["checkpoint"], args.key)
        demand(header["log"] == origin, "the checkpoint and the export belong to different logs")
        first, edge = header["first"], [bytes.fromhex(value) for value in header.get("edge", ())]
        demand(first >= 0 and len(edge) == first.bit_count(), "'edge' does not match 'first'")
        demand(all(len(value) == len(signed_root) for value in edge), "'edge' does not contain hashes")
        seq, records = first, 0
        for line in lines:
            event: Any = None
            try:
                event = json.loads(line, object_pairs_hook=distinct)
                digest, whole = entry_digest(event, seq, origin.rpartition("/")[2])
            except UNREADABLE as error:
                event_id = event.get("event_id") if isinstance(event, dict) else None
                return {"verdict": "broken", "why": reason(error), "seq": seq, "event_id": event_id}
            leaf, left_over = sha256(b"\0" + digest), seq
            while left_over & 1:
                leaf, left_over = node(edge.pop(), leaf), left_over >> 1
            edge.append(leaf)
            seq, records = seq + 1, records + whole
    demand(seq == header["after"], f"it ends before entry {seq}, and should end before entry {header['after']}")
    root = reduce(lambda right, left: node(left, right), reversed(edge)) if edge else sha256(b"")
    path = [bytes.fromhex(value) for value in header.get("consistency", ())]
    check_extends(seq, root, size, signed_root, path, "its entries are not those of the signed log")
    counts = {"first": first, "after": seq, "records": records, "leaves_only": seq - first - records}
    return {"verdict": "holds", "log": origin, "size": size, **counts}


def entry_digest(event: Mapping[str, Any], seq: int, tenant: str) -> tuple[bytes, bool]:
    """Return the digest of an export's line, and True if it has a record, False for a leaf alone."""
    demand(event["seq"] == seq, f"expected entry {seq} here")
    demand(str(UUID(event["event_id"])) == event["event_id"], "the event's ID is not a UUID")
    digest = bytes.fromhex(event["digest"])
    if event.keys() == {"seq", "event_id", "digest"}:
        return digest, False
    at = datetime.fromisoformat(event["recorded_at"])
    demand(event["schema"] in SCHEMAS and at.tzinfo, "the record's schema is unknown, or its time has no zone")
    demand(event["tenant"] == tenant, "the record and the log belong to different tenants")
    names = ("schema", "event_id", "tenant", "kind", "workflow_id", "run_id", "fields", "key_id")
    content = {name: event[name] for name in (*names, *SCHEMAS[event["schema"]])}
    content["recorded_at"] = at.astimezone(UTC).isoformat(timespec="microseconds")
    content["ciphertext"] = sha256(base64.b64decode(event["ciphertext"], validate=True)).hex()
    demand(sha256(canonical(content)) == digest, "the record differs from the logged one")
    return digest, True


def reason(error: Exception) -> str:
    name, said = type(error).__name__, {"KeyError": f"{error} is missing", "IndexError": "a proof is too short"}
    return str(error) if isinstance(error, Broken) else said.get(name, f"can't be read ({name})")


def verifier_key(text: str) -> Key:
    name, key_id, material = groups(r"([^+\s]+)\+([0-9a-f]{8})\+(.+)", text, "verifier key")
    key = decode(material, "the verifier key", 33)
    demand(key[0] == 1 and sha256(name.encode() + b"\n" + key)[:4].hex() == key_id, "not an Ed25519 verifier key")
    return name, bytes.fromhex(key_id), key[1:]


def text_of(path: str) -> str:
    return Path(path).read_bytes().decode("utf-8", "surrogateescape")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="proof | receipt | consistency | export")
    for name, check, *files in (
        ("proof", lambda args: {"verdict": "holds", **open_proof(args.proof, args.record_digest, args.key)}, "proof"),
        ("receipt", check_receipt, "answer"),
        ("consistency", check_consistency, "old", "new", "proof"),
        ("export", check_export, "export"),
    ):
        command = commands.add_parser(name)
        for file in files:
            command.add_argument(file, type=Path if name == "export" else text_of)
        command.add_argument("--key", type=verifier_key, action="append", default=[], required=name != "receipt")
        command.add_argument("--json", action="store_true", help="write the finding as JSON")
        command.set_defaults(check=check)
    commands.choices["proof"].add_argument("--record-digest", type=bytes.fromhex, required=True)
    for option, read in (("--jwks", json.loads), ("--request", json.loads), ("--proof", str)):
        content = partial(lambda read, path: read(text_of(path)), read)
        commands.choices["receipt"].add_argument(option, type=content, required=option == "--jwks")
    args = argparse.Namespace()
    try:
        check = parser.parse_args(arguments, args).check
        if check is check_receipt and args.proof is not None and not args.key:
            parser.error("--proof requires the log's --key")
        found = check(args)
    except OSError as error:
        parser.error(f"{error.filename}: {error.strerror}")
    except UNREADABLE as error:
        found = {"verdict": "unknown key" if isinstance(error, UnknownKey) else "broken", "why": reason(error)}
    parts = (f"{name} {value}" if name != "why" else value for name, value in found.items() if name != "verdict")
    line = f"{found['verdict']}: {', '.join(parts)}"
    print(json.dumps(found) if args.json else line if line.isprintable() else ascii(line))
    return {"broken": 1, "unknown key": 3}.get(found["verdict"], 0)


if __name__ == "__main__":
    raise SystemExit(main())
