"""Checking a receipt offline, with nothing but the public keys."""

from collections.abc import Mapping
from typing import Any

import jwt

from domain.commitments import digest
from domain.records import canonical

RECEIPT_TYPE = "assay-receipt+jwt"
_KEY_PREFIX = "receipt-signing:"


class ReceiptInvalid(Exception):
    """The receipt does not hold. Says which part."""


def verify_receipt(document: Mapping[str, Any], jwks: Mapping[str, Any], request: object = None) -> dict[str, Any]:
    """The receipt's claims, with ``checked``: which parts hold.

    ``document`` is a run's body, a problem with its run, or the receipt alone. With a run's body the answer is checked
    against its commitment, with ``request`` (the body that was sent) the prompt is.

    Raises:
        ReceiptInvalid: see there.
    """
    run = document.get("run", document)
    receipt = run.get("receipt", run)
    if not isinstance(receipt, Mapping) or not isinstance(receipt.get("statement"), str):
        raise ReceiptInvalid("there is no receipt in this document")
    claims = _signed_claims(receipt["statement"], jwks)
    checked = ["signature"]
    for name, signed in (("record_digest", "record_digest"), ("event_id", "jti")):
        if receipt.get(name) != claims.get(signed):
            raise ReceiptInvalid(f"'{name}' is not what was signed")
    if run is not receipt and run.get("id") != claims.get("sub"):
        raise ReceiptInvalid("the receipt is another run's")
    answer = (run.get("result") or {}).get("content")
    if answer is not None:
        _opens(receipt, claims, "answer", str(answer).encode())
        checked.append("answer")
    if request is not None:
        _opens(receipt, claims, "prompt", canonical(request))
        checked.append("request")
    return {**claims, "checked": ", ".join(checked)}


def _signed_claims(statement: str, jwks: Mapping[str, Any]) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(statement)
        kid = str(header.get("kid"))
        if header.get("typ") != RECEIPT_TYPE or not kid.startswith(_KEY_PREFIX):
            raise ReceiptInvalid("the statement is no receipt")
        key = next((jwk for jwk in jwks.get("keys", ()) if jwk.get("kid") == kid), None)
        if key is None:
            raise ReceiptInvalid(f"the key '{kid}' is not among the keys")
        claims: dict[str, Any] = jwt.decode(
            statement, jwt.PyJWK(key), algorithms=["EdDSA"], options={"verify_aud": False, "require": ["jti", "sub"]}
        )
    except jwt.PyJWTError as error:
        raise ReceiptInvalid(f"the signature does not hold ({type(error).__name__})") from None
    return claims


def _opens(receipt: Mapping[str, Any], claims: Mapping[str, Any], name: str, content: bytes) -> None:
    salt = (receipt.get("openings") or {}).get(name)
    committed = claims.get(f"{name}_commitment")
    if salt is None or committed is None:
        raise ReceiptInvalid(f"there is no commitment to the {name}")
    if digest(bytes.fromhex(salt), content) != committed:
        raise ReceiptInvalid(f"the receipt is about another {name}")
