"""Results of releases without proofs, verified by their receipt: only what it covers is shown.

Whoever writes to the namespace can complete a workflow with a genuine receipt and anything beside it, and leave the
proof out. A receipt covers the outcome and, by its commitment, the answer.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter

from assay_temporal.contracts import Answer, InferenceResult, ProblemDetail, Receipt
from domain.inference.content import OpaqueItem, RefusalPart, TextPart, ToolCall, as_json, plain_text
from domain.inference.runs import Status
from domain.ports import SignatureChecks
from domain.records.records import canonical
from domain.refusals import Kind
from services.verification.receipts import ReceiptInvalid, verify_receipt

_SALT: Final = re.compile(r"[0-9a-f]{32}")
_PARTS: Final[TypeAdapter[tuple[TextPart | RefusalPart | ToolCall | OpaqueItem, ...]]] = TypeAdapter(
    tuple[TextPart | RefusalPart | ToolCall | OpaqueItem, ...]
)
_REASON: Final = "the outcome is proven by its receipt alone, which states no reason"
_KINDS: Final[Mapping[Status, Kind]] = MappingProxyType(
    {
        Status.BLOCKED: Kind.PROMPT_BLOCKED,
        Status.REFUSED: Kind.INTERNAL,  # the kinds of this status have no common one
        Status.FAILED: Kind.INTERNAL,
        Status.CANCELLED: Kind.RUN_CANCELLED,
    }
)
UNREADABLE: Final = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""Errors of values that have another form than a worker writes."""


def covered_result(
    public_id: str, result: InferenceResult, signatures: SignatureChecks, jwks: Mapping[str, Any]
) -> InferenceResult:
    """Return the part of a result that its receipt covers. Model and reason for the end of the answer are empty.

    Raises:
        ReceiptInvalid: it has no receipt, or one of another run, outcome or answer.
    """
    try:
        return _covered(public_id, result, signatures, jwks)
    except UNREADABLE:
        raise ReceiptInvalid("the result is malformed") from None


def _covered(
    public_id: str, result: InferenceResult, signatures: SignatureChecks, jwks: Mapping[str, Any]
) -> InferenceResult:
    if result.receipt is None or result.id != public_id:
        raise ReceiptInvalid("no receipt, or another run's result")
    status, receipt = Status(result.status), _receipt(result.receipt)
    answer = _answer(result.result) if status is Status.COMPLETED else None
    document: dict[str, Any] = {"id": public_id, "receipt": _document(receipt)}
    if answer is not None:
        document["result"] = {"content": answer.content, "parts": list(answer.parts)}
    claims = verify_receipt(signatures, document, jwks)
    if claims.get("outcome") != status.value:
        raise ReceiptInvalid("the receipt is of another outcome")
    problem = None if status is Status.COMPLETED else _problem(status, claims)
    return InferenceResult(public_id, status.value, None, result=answer, receipt=receipt, problem=problem)


def _receipt(given: Receipt) -> Receipt:
    """Return a receipt with its salts alone: no signature covers the openings."""
    salts = {name: salt for name, salt in given.openings.items() if name in ("prompt", "answer")}
    if not all(_SALT.fullmatch(salt) for salt in salts.values()):
        raise ReceiptInvalid("an opening is not a salt")
    return Receipt(given.event_id, given.record_digest, given.statement, salts)


def _document(receipt: Receipt) -> dict[str, Any]:
    return {
        "event_id": receipt.event_id,
        "record_digest": receipt.record_digest,
        "statement": receipt.statement,
        "openings": receipt.openings,
    }


def _answer(given: Answer | None) -> Answer:
    if given is None:
        raise ReceiptInvalid("the answer is missing")
    if given.parts:
        read = _PARTS.validate_python(given.parts)
        if canonical(as_json(read)) != canonical(list(given.parts)) or plain_text(read) != given.content:
            raise ReceiptInvalid("the content is not the text of its parts")
    return Answer(given.content, "", "", given.parts)


def _problem(status: Status, claims: Mapping[str, Any]) -> ProblemDetail:
    """Return the problem of an outcome. A blocked one with a commitment to an answer blocked the answer."""
    answered = status is Status.BLOCKED and claims.get("answer_commitment") is not None
    kind = Kind.OUTPUT_BLOCKED if answered else _KINDS[status]
    return ProblemDetail(kind.value, _REASON)
