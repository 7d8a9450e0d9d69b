"""Values of a run of plain text, as every release makes them. What was once written of them stays readable.

``tests/vectors/plain_text.json`` holds what the first release wrote. It is never made anew.
"""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from activities.contracts.results import result_of
from activities.contracts.stages import (
    Admission,
    AdmitInput,
    Closed,
    CloseInput,
    InvokeInput,
    ModelReply,
    Problem,
    Run,
    SanitiseResult,
    ScreenInput,
    ScreenOutputInput,
    StageInput,
    Submitter,
    Validated,
    ValidateInput,
)
from activities.inference import evidence
from domain.inference.content import Message, Speaker, TextKind
from domain.inference.models import Usage
from domain.inference.parsing import parse_request, request_hash
from domain.inference.requests import InferenceRequest
from domain.records.records import canonical, open_fields
from domain.screening.verdicts import (
    Decision,
    DetectorReport,
    DetectorState,
    Finding,
    MatchedSpan,
    Mode,
    RiskBand,
    Verdict,
)
from tests.bad_requests import LIMITS

VECTORS = json.loads((Path(__file__).parent / "vectors" / "plain_text.json").read_text())

BODIES: dict[str, dict[str, Any]] = {
    "a prompt": {"model": "smollm2", "prompt": "Grüße, 检测 \U0001f600"},
    "a conversation": {
        "model": "smollm2",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Write to alice@example.com."},
            {"role": "assistant", "content": "Done.\n"},
            {"role": "user", "content": "A page.", "kind": "document"},
        ],
        "temperature": 0.25,
        "max_tokens": 12,
        "metadata": {"team": "red", "a": "b"},
    },
}
_KEY = b"k" * 32
_EVENT = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
_RUN = Run("acme", "c" * 16, "inf.acme.0", "r-1", 1_700_000_000_000, "p" * 64, "h" * 64)
_SUBMITTER = Submitter("alice", "web", ("submitter",))
_REQUEST = parse_request(BODIES["a conversation"], LIMITS)
_MASKED = InferenceRequest("smollm2", (Message(Speaker.USER, "Write to [EMAIL_1_BCDF]."),), 0.7, 256)
_FOUND = Finding("rules", "override_prior_instructions", 0.9, 1, 2, 9)
_VERDICT = Verdict(
    Decision.BLOCK,
    0.9,
    RiskBand.HIGH,
    (_FOUND, Finding("normaliser", "zero_width", 0.0, 0, 1, 2)),
    (DetectorReport("rules", DetectorState.SCORED),),
)
_WATCHED = Verdict(Decision.ALLOW, 0.9, RiskBand.HIGH, (_FOUND,), (), Mode.MONITOR, Decision.BLOCK)
_REPLY = ModelReply("Dear [EMAIL_1_BCDF],", "smollm2", "stop", Usage(21, 3))
_ESTIMATED = Usage(40, 0, estimated=True)
_PROBLEM = Problem("prompt-blocked", "no", "messages.1.content", ("a",), 2.0, (MatchedSpan("a", 1, 2, 9),))
_VALUES = (("[EMAIL_1_BCDF]", "alice@example.com"),)
_ANSWERED = CloseInput(
    _RUN,
    "completed",
    _SUBMITTER,
    _MASKED,
    BODIES["a conversation"],
    _WATCHED,
    Verdict(Decision.ALLOW, 0.0, RiskBand.LOW),
    ("zero_width",),
    _REPLY,
    _REPLY.usage,
    admitted=True,
    values=_VALUES,
    masked={"email": 1},
)
_BLOCKED = CloseInput(
    _RUN, "blocked", _SUBMITTER, _MASKED, None, _VERDICT, usage=_ESTIMATED, problem=_PROBLEM, redacted={"api_key": 1}
)
_CLOSED = Closed("completed", str(_EVENT), "d" * 64, "a.b.c", (("prompt", "00"), ("answer", "11"), ("other", "22")))
_DENIED = Closed("blocked", str(_EVENT))

PAYLOADS: dict[str, Any] = {
    "ValidateInput": ValidateInput(BODIES["a conversation"], "a.b.c", "inf.acme.0", "r-1", 1_700_000_000_000),
    "Validated": Validated(_RUN, _SUBMITTER, InferenceRequest("smollm2", (), 0.7, 256), ("other",)),
    "Validated, refused": Validated(_RUN, problem=_PROBLEM),
    "StageInput": StageInput(_RUN, _REQUEST),
    "SanitiseResult": SanitiseResult(_MASKED, ("zero_width",), None, _VALUES, {"email": 1}),
    "SanitiseResult, nothing": SanitiseResult(),
    "ScreenInput": ScreenInput(_RUN, _MASKED, _REQUEST),
    "Verdict": _VERDICT,
    "Verdict, withheld": _WATCHED,
    "AdmitInput": AdmitInput(_RUN, _SUBMITTER, _MASKED, BODIES["a prompt"], _WATCHED, (), {"email": 1}),
    "Admission": Admission(300),
    "InvokeInput": InvokeInput(_RUN, _MASKED, "smollm2", "call-0"),
    "ModelReply": _REPLY,
    "ScreenOutputInput": ScreenOutputInput(_RUN, _MASKED, _REPLY),
    "CloseInput": _ANSWERED,
    "CloseInput, blocked": _BLOCKED,
    "Closed": _CLOSED,
    "InferenceResult": result_of(_ANSWERED, _CLOSED, _REPLY),
    "InferenceResult, blocked": result_of(_BLOCKED, _DENIED, None),
}
"""One value of each type that a history holds of a run."""


def texts() -> dict[str, str]:
    """Return the hashed, committed and recorded values."""
    made = evidence.commitments(_KEY, _EVENT, BODIES["a conversation"], "Dear alice@example.com,")
    assert made.prompt is not None
    assert made.answer is not None
    kinds = tuple(Message(Speaker.USER, f"of {kind}", kind) for kind in TextKind)
    return {
        **{f"hash of {name}": request_hash(body) for name, body in BODIES.items()},
        "sealed prompt": evidence.prompt_of(_REQUEST) or "",
        "sealed prompt of kinds": evidence.prompt_of(InferenceRequest("m", kinds, 0.7, 1)) or "",
        "commitment to the prompt": made.prompt.digest,
        "commitment to the answer": made.answer.digest,
        "outcome": canonical(open_fields(evidence.outcome_fields(_ANSWERED, made))).decode(),
        "outcome, blocked": canonical(open_fields(evidence.outcome_fields(_BLOCKED, made))).decode(),
    }
