"""Offline verification of a receipt, with public keys alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.ports import SignatureChecks, StatementInvalid
from domain.records.commitments import digest
from domain.records.records import canonical
from domain.signing_keys import RECEIPT_KEY, is_key_id
from domain.transparency.checkpoints import UnknownLogKey, VerifierKey, open_proof, parse_proof

RECEIPT_TYPE = "assay-receipt+jwt"


class ReceiptInvalid(Exception):
    """The receipt is invalid. Names the part."""


class ReceiptUndecided(ReceiptInvalid):
    """The key of a receipt, or its proof, is not among the given ones. These may be older."""


def verify_receipt(
    signatures: SignatureChecks,
    document: Mapping[str, Any],
    jwks: Mapping[str, Any],
    request: object = None,
    *,
    proof: str | None = None,
    log_keys: Sequence[VerifierKey] = (),
) -> dict[str, Any]:
    """Return the receipt's claims, with ``checked`` (the valid parts) and ``verdict``: ``promised`` or ``sealed``.

    ``document`` is a run's body, a problem with its run, or the receipt alone. With a run's body the answer is checked
    against its commitment, with ``request`` (the body that was sent) the prompt is. It is ``sealed`` if ``proof``, or
    the receipt's own one, proves it to be in the log with the keys ``log_keys``.

    Raises:
        ReceiptInvalid: see there.
        ReceiptUndecided: a key is missing.
    """
    run = document.get("run", document)
    receipt = run.get("receipt", run)
    if not isinstance(receipt, Mapping) or not isinstance(receipt.get("statement"), str):
        raise ReceiptInvalid("the document contains no receipt")
    claims = _signed_claims(signatures, receipt["statement"], jwks)
    checked = ["signature"]
    for name, signed in (("record_digest", "record_digest"), ("event_id", "jti")):
        if receipt.get(name) != claims.get(signed):
            raise ReceiptInvalid(f"'{name}' differs from what was signed")
    if run is not receipt and run.get("id") != claims.get("sub"):
        raise ReceiptInvalid("the receipt belongs to another run")
    result = run.get("result")  # a string, in the answer of /ai/predict
    answer = result.get("parts") or result.get("content") if isinstance(result, Mapping) else run.get("parts") or result
    if answer is not None:
        _opens(receipt, claims, "answer", answer.encode() if isinstance(answer, str) else canonical(answer))
        checked.append("answer")
    if request is not None:
        _opens(receipt, claims, "prompt", canonical(request))
        checked.append("request")
    verdict = "promised"
    found = receipt.get("proof") if proof is None else proof
    if found is not None and log_keys:
        _in_log(signatures, found, claims, log_keys)
        checked.append("proof")
        verdict = "sealed"
    return {**claims, "verdict": verdict, "checked": ", ".join(checked)}


def _in_log(
    signatures: SignatureChecks, proof: object, claims: Mapping[str, Any], log_keys: Sequence[VerifierKey]
) -> None:
    try:
        digest_of_record = bytes.fromhex(claims["record_digest"])
        checkpoint = open_proof(parse_proof(str(proof)), digest_of_record, log_keys, signatures.ed25519)
    except UnknownLogKey as error:
        raise ReceiptUndecided(f"the proof: {error}") from None
    except ValueError as error:
        raise ReceiptInvalid(f"the proof is invalid: {error}") from None
    if claims.get("log", checkpoint.origin) != checkpoint.origin:
        raise ReceiptInvalid("the proof and the receipt belong to different logs")


def _signed_claims(signatures: SignatureChecks, statement: str, jwks: Mapping[str, Any]) -> dict[str, Any]:
    try:
        header = signatures.header(statement)
        kid = str(header.get("kid"))
        if header.get("typ") != RECEIPT_TYPE or not is_key_id(kid, RECEIPT_KEY):
            raise ReceiptInvalid("the statement is not a receipt")
        key = next((jwk for jwk in jwks.get("keys", ()) if jwk.get("kid") == kid), None)
        if key is None:
            raise ReceiptUndecided(f"the key '{kid}' is not among the given keys")
        return signatures.claims(statement, key, required=("jti", "sub"))
    except StatementInvalid as error:
        raise ReceiptInvalid(f"the signature is invalid ({error.reason})") from None


def _opens(receipt: Mapping[str, Any], claims: Mapping[str, Any], name: str, content: bytes) -> None:
    salt = (receipt.get("openings") or {}).get(name)
    committed = claims.get(f"{name}_commitment")
    if salt is None or committed is None:
        raise ReceiptInvalid(f"the receipt has no commitment to the {name}")
    if digest(bytes.fromhex(salt), content) != committed:
        raise ReceiptInvalid(f"the receipt commits to another {name}")
