"""Every event as its producer makes it: fields, content and digest are the same for ever.

``golden_events.json`` was made before events had fields of their own. Digests, content MACs, exports and archives of
records that exist hang on these bytes: a vector may be added, and none may change.
"""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import get_args
from uuid import UUID

import pytest

from activities.contracts.stages import AdmitInput, CloseInput, ModelReply, Problem, Run, Submitter
from activities.inference import evidence
from domain.access.principals import Role
from domain.access.sessions import SessionClaims
from domain.inference.models import Usage
from domain.inference.parsing import parse_request
from domain.inference.requests import RequestLimits
from domain.records import access_events, custody
from domain.records.commitments import Commitment
from domain.records.fields import EventFields, NoFields, ScreenedFields, open_fields
from domain.records.floods import OTHER, Alike, Summary, Windows
from domain.records.policy_changes import PolicyTurn, policy_changed
from domain.records.records import (
    EncryptedFields,
    EventKind,
    Record,
    canonical,
    encrypted_fields,
    record_digest,
    repeatable_content,
)
from domain.refusals import Kind, Refusal
from domain.screening.verdicts import Decision, DetectorReport, DetectorState, Finding, Mode, RiskBand, Verdict
from services.archiving.events import ArchiveRecords
from services.refusals.drops import Drop, Dropped, Drops
from services.refusals.recorder import EdgeRecorder
from services.refusals.stage_refusals import RefusedStage, StageRefusals
from tests.doubles.clock import START, FixedClock
from tests.doubles.principals import principal

GOLDEN = Path(__file__).with_name("golden_events.json")
RUN = Run("acme", "c" * 32, "inf.acme." + "a" * 32, "run-é", 1_700_000_000_000, "e" * 64, "d" * 64)
SUBMITTER = Submitter("alice", "app", ("ai_operator", "reviewer"))
OFFICER = principal(subject="officer", roles=frozenset({Role.ADMIN, Role.AUDITOR}))
LIMITS = RequestLimits(100, 10, 100, 50)
BODY = {"model": "fake", "prompt": "Grüße \U0001f9ea", "temperature": 0.5}
VERDICT = Verdict(
    Decision.ALLOW,
    0.30000000000000004,
    RiskBand.LOW,
    (Finding("rules", "b", 0.5, 0, 1, 4), Finding("ngrams", "a", 1e-7), Finding("rules", "b", 0.9, 1, 0, 2)),
    (DetectorReport("rules", DetectorState.SCORED), DetectorReport("onnx", DetectorState.NOT_SCANNED)),
    Mode.MONITOR,
    Decision.BLOCK,
)
CLEAR = Verdict(Decision.ALLOW, 0.0, RiskBand.LOW)
MADE = evidence.Commitments(Commitment("1" * 64, "2" * 32), Commitment("3" * 64, "4" * 32))
HOLD = UUID("018bcfe5-6800-7000-8000-0000000000ff")
TAG = "0f" * 16


def of_run(kind: EventKind, slot: str, fields: object, sealed: EncryptedFields) -> Record:
    return Record(evidence.event_of(RUN, slot), RUN.tenant, kind, START, fields, sealed, RUN.workflow_id, RUN.run_id)


def admissions() -> dict[str, Record]:
    request = parse_request(BODY, LIMITS)
    sealed = evidence.sealed(SUBMITTER, request)
    full = AdmitInput(RUN, SUBMITTER, request, BODY, VERDICT, ("zero_width",), {"email": 2}, {"api_key": 1})
    bare = AdmitInput(RUN, Submitter("", "", ()), request, None, CLEAR, ())
    return {
        "admitted": of_run(EventKind.ADMITTED, "admission", evidence.admission_fields(full, 128, MADE), sealed),
        "admitted bare": of_run(
            EventKind.ADMITTED,
            "admission",
            evidence.admission_fields(bare, 0, evidence.Commitments(None, None)),
            EncryptedFields(),
        ),
    }


def outcomes() -> dict[str, Record]:
    request = parse_request(BODY, LIMITS)
    full = CloseInput(
        *(RUN, "completed", SUBMITTER, request, BODY, VERDICT, CLEAR, ("zero_width",)),
        reply=ModelReply("an answer", "fake-2", "stop", Usage(7, 5)),
        usage=Usage(7, 0, estimated=True),
        problem=Problem("quota-spent", "x"),
        masked={"email": 2, "card_number": 1},
        redacted={},
    )
    nothing = CloseInput(Run("system", "", "w", "r", 1, "", ""), "failed")
    none = evidence.Commitments(None, None)
    sealed = evidence.sealed(SUBMITTER, request, "an answer")
    kinds = ("completed", "blocked", "refused", "failed", "cancelled")
    made = {kind: of_run(EventKind(kind), "outcome", evidence.outcome_fields(full, MADE), sealed) for kind in kinds}
    bare = of_run(EventKind.FAILED, "outcome", evidence.outcome_fields(nothing, none), evidence.sealed(None, None))
    return {**made, "failed bare": bare}


class Captured:
    """In place of an outbox, or of a ledger."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def offer(self, record: Record) -> None:
        self.records.append(record)

    async def append(self, record: Record) -> None:
        self.records.append(record)


def edge() -> dict[str, Record]:
    captured, clock = Captured(), FixedClock()
    drops = Drops(lambda *_: None, clock)
    recorder = EdgeRecorder(captured, Windows(1), drops, clock, lambda: TAG)
    where = {"method": "POST", "route": "/v1/inferences", "status": 403, "source": "203.0.113.7"}
    recorder.offer(Refusal(Kind.FORBIDDEN, "x"), OFFICER, **where)
    recorder.offer(Refusal(Kind.MISSING_TOKEN, "x"), None, **{**where, "status": 401})
    later = START + timedelta(seconds=1.5)
    summaries = [
        Summary(Alike("acme", "forbidden", "/v1/x", 403, "c" * 32), 7, START, later),
        Summary(OTHER, 9, START, later),
    ]
    recorder._tell(summaries, [Dropped(Drop.SPOOL_FULL, 3, START, later)])
    names = ("edge refusal", "edge refusal of nobody", "edge summary", "edge summary of others", "edge drops")
    return dict(zip(names, captured.records, strict=True))


def readings() -> dict[str, Record]:
    claims = SessionClaims(OFFICER, "a-jti", START)
    read = access_events.reading_record(
        EventKind.RECORDS_READ, OFFICER, START, TAG, filters=("run", "since"), count=2, workflow_id=RUN.workflow_id
    )
    exported = access_events.reading_record(EventKind.EXPORTED, principal(), START, TAG, filters=(), count=0)
    return {
        "payload decoded": access_events.decoded_record(OFFICER, RUN.workflow_id, START),
        "session opened": access_events.session_record(claims, START),
        "records read": read,
        "exported": exported,
    }


def custodial() -> dict[str, Record]:
    marked, released = custody.release_records(OFFICER, HOLD, START, TAG)
    return {
        "erased": custody.erasure_record(OFFICER, "5" * 64, START, TAG),
        "tenant erased": custody.tenant_erasure_record("acme", START, TAG),
        "hold placed": custody.hold_record(OFFICER, "5" * 64, "case 7", START, TAG),
        "hold of a tenant": custody.hold_record(OFFICER, None, "case 7", START, TAG),
        "release marked": marked,
        "released": released,
    }


def policies() -> dict[str, Record]:
    first = policy_changed(PolicyTurn(0, None), "e" * 64, "assay-api on h", START)
    changed = policy_changed(PolicyTurn(3, "f" * 64), "e" * 64, "assay-api on h", START)
    return {
        "first policy": first,
        "policy changed": changed,
        "first policy, before logins": before_logins(first),
        "policy changed, before logins": before_logins(changed),
    }


def before_logins(record: Record) -> Record:
    """The same change as the release before recorded it."""
    return replace(record, fields=replace(record.fields, login=None), sealed=EncryptedFields(actor="assay-api on h"))


def api_keys() -> dict[str, Record]:
    kinds = (EventKind.API_KEY_CREATED, EventKind.API_KEY_ROTATED, EventKind.API_KEY_REVOKED)
    key, before, expires = "0" * 11, "1" * 11, START + timedelta(days=30)
    more = ({"expires_at": expires}, {"expires_at": expires, "key_before": before}, {})
    return {
        kind.value: access_events.api_key_record(kind, OFFICER, START, TAG, key=key, **of_kind)
        for kind, of_kind in zip(kinds, more, strict=True)
    }


async def archives() -> dict[str, Record]:
    captured = Captured()
    row = SimpleNamespace(tenant="acme", month=date(2026, 1, 1), rows=7, sha256=bytes(range(32)))
    for kind in (EventKind.ARCHIVED, EventKind.RESTORED):
        await ArchiveRecords(captured).note(kind, row, START)
    names = ("archived", "archived, Assay's log", "restored", "restored, Assay's log")
    return dict(zip(names, captured.records, strict=True))


async def refused_stages() -> dict[str, Record]:
    captured, clock = Captured(), FixedClock()
    refusals = StageRefusals(captured, clock, Windows(2))
    await refusals.record(RefusedStage("close_request", "a\0b", "r" * 36, "7"))
    await refusals.record(RefusedStage("close_request", None, None, "7"))
    await refusals.record(RefusedStage("close_request", None, None, "8"))
    clock.advance(61)
    await refusals.tick()
    names = ("stage refused", "standalone activity refused", "refused stages counted")
    return {name: replace(record, recorded_at=START) for name, record in zip(names, captured.records, strict=True)}


async def events() -> dict[str, Record]:
    synchronous = (admissions, outcomes, edge, readings, custodial, policies, api_keys)
    made = [one for part in synchronous for one in part().items()]
    return dict([*made, *(await archives()).items(), *(await refused_stages()).items()])


def vector(record: Record) -> dict[str, str]:
    at = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    content = repeatable_content(record)
    ciphertext = encrypted_fields(record.sealed)
    assert record.recorded_at == START
    stored = record_digest(
        Record(
            *(record.event_id, record.tenant, record.kind, at, record.fields, record.sealed),
            *(record.workflow_id, record.run_id),
        ),
        key_id="key-1",
        ciphertext=ciphertext,
        subject="5" * 64,
        subject_key=HOLD,
    )
    return {
        "kind": record.kind.value,
        "fields": canonical(open_fields(record.fields)).decode(),
        "content": hashlib.sha256(content).hexdigest(),
        "digest": stored.hex(),
    }


async def test_events_have_the_bytes_that_they_always_had():
    assert {name: vector(record) for name, record in (await events()).items()} == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_that_is_recorded_has_a_vector(kind: EventKind):
    unrecorded = {EventKind.HELD, EventKind.DECIDED, EventKind.KEY_ROTATED, EventKind.KILL_SWITCH}
    known = {one["kind"] for one in json.loads(GOLDEN.read_text()).values()}
    assert (kind.value in known) == (kind not in unrecorded)


@pytest.mark.parametrize("kind", EventKind)
async def test_a_kind_takes_the_fields_that_its_producers_make_and_no_others(kind: EventKind):
    made = list((await events()).values())
    produced = {type(record.fields) for record in made if record.kind is kind} or {NoFields}
    made.append(replace(made[0], kind=EventKind.HELD, fields=NoFields()))
    one_of_each = {type(record.fields): record for record in made}
    assert one_of_each.keys() == set(get_args(EventFields))
    for of_kind, record in one_of_each.items():
        if of_kind in produced:
            assert replace(record, kind=kind).fields == record.fields
        else:
            with pytest.raises(ValueError, match=f"'{kind.value}' is not recorded with {of_kind.__name__}"):
                replace(record, kind=kind)


@pytest.mark.parametrize(
    "fields", [None, {}, {"prompt": "a canary"}, ScreenedFields(), EncryptedFields(prompt="a canary")]
)
def test_what_is_no_field_set_is_not_recorded(fields: object):
    with pytest.raises(ValueError, match="is not recorded with") as refused:
        of_run(EventKind.COMPLETED, "outcome", fields, EncryptedFields())
    assert "canary" not in str(refused.value)
