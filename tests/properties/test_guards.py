"""Every guard sees every text of a request and of an answer: each text is marked, and each mark has to be found."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.answers.screen import screen_output
from domain.inference import content
from domain.inference.content import Content, Speaker, TextPart
from domain.inference.requests import bare_request
from domain.inference.texts import (
    Text,
    TextAddress,
    TextForm,
    map_texts,
    texts_of,
    texts_of_answer,
    unread_of,
)
from domain.inference.token_estimates import estimate_text_tokens, estimate_tokens
from domain.policy.document import Policy
from domain.privacy.answers import add_data
from domain.privacy.masking import mask_request
from domain.privacy.policy import DataKind, Handling
from domain.privacy.restoring import restore
from domain.refusals import Kind, Refusal
from domain.screening.detectors import Inspection, ScreenedText
from domain.screening.policy import ScreeningPolicy
from domain.screening.screen import screen
from domain.screening.verdicts import Decision, DetectorState, RiskBand, Verdict
from domain.text.sanitise import SanitisePolicy, sanitise_request
from tests.contents import TEXTS, marked

PLAIN = SanitisePolicy()


class NoPhones:
    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        return []


def test_sanitising_sees_every_text():
    """Hidden characters are removed from every text; identifiers with them are refused, signed texts stay."""
    request, _ = marked()
    for text in texts_of(request):
        at = text.address

        def hide(found: Text, at: TextAddress = at) -> str:
            return found.text.replace("mark", "mark\u200b") if found.address == at else found.text

        hidden = map_texts(request, hide, set())
        assert hidden != request
        if text.form is TextForm.IDENTIFIER:
            with pytest.raises(Refusal) as refused:
                sanitise_request(hidden, PLAIN)
            assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, at.dotted)
        elif text.form is TextForm.SIGNED:
            assert sanitise_request(hidden, PLAIN)[0] == hidden
        else:
            assert sanitise_request(hidden, PLAIN)[0] == request


ALICE = "alice{}@example.com"


def test_masking_sees_every_text(shipped_policy: Policy):
    privacy = shipped_policy.privacy
    assert privacy is not None
    request, data = marked(ALICE)
    made = mask_request(request, privacy, "acme", NoPhones(), b"run")
    left = "\n".join(text.text for text in texts_of(made.request))
    assert not [datum for datum in data if datum in left]
    assert made.masked == {"email": len(data)}
    assert {span.address for span in made.blocked} == {text.address for text in texts_of(request) if text.fixed}


def test_screening_sees_every_text(shipped_policy: Policy):
    request, marks = marked()
    read: list[str] = []

    class Reads:
        def inspect(self, conversation: tuple[ScreenedText, ...], policy: ScreeningPolicy) -> Inspection:
            read.extend(text.normalised.view.text for text in conversation)
            found = [text.finding("reads", "mark", 0.9, *span(text.original, "mark")) for text in conversation]
            return Inspection(DetectorState.SCORED, tuple(found))

    policy = replace(shipped_policy.screening, detectors=("reads",))
    verdict = screen(request, request, policy, {"reads": Reads()})
    assert sorted(mark for text in read for mark in marks if mark in text) == marks
    found = {finding.address: finding for finding in verdict.findings if finding.detector == "reads"}
    for text in texts_of(request):
        assert text.text[found[text.address].start : found[text.address].end] == "mark"


def span(text: str, word: str) -> tuple[int, int]:
    return text.index(word), text.index(word) + len(word)


def test_what_no_detector_can_read_is_recorded_and_an_attachment_is_held(shipped_policy: Policy):
    request, _ = marked()
    quiet = replace(shipped_policy.screening, detectors=("rules",))
    verdict = screen(request, request, quiet)
    unread = [str(at) for at, _ in unread_of(request)]
    assert unread == ["4.0", "4.1", "5.0", "5.1", "7.0.content.1", "7.0.content.2", "7.1"]
    told = [place.label for place in verdict.places if place.rule == "not_scanned"]
    assert told == unread
    assert verdict.decision is Decision.REVIEW
    opaque = bare_request(
        content.Message(Speaker.USER, "Hello"), content.Message(Speaker.ASSISTANT, (content.OpaqueItem("a.b", "c"),))
    )
    assert screen(opaque, opaque, quiet).decision is Decision.ALLOW
    assert screen(opaque, opaque, quiet).carriers == ("user:1:allow", "opaque:1:not_scanned:opaque")


@pytest.mark.parametrize("decision", Decision)
@pytest.mark.parametrize("own", [True, False])
def test_the_policy_decides_on_images_of_users_and_of_tools(shipped_policy: Policy, decision: Decision, own: bool):
    image = content.Attachment("0" * 64, "image/png")
    user = content.Message(Speaker.USER, (TextPart("Look:"), image) if own else "Look:")
    result = content.Message(Speaker.TOOL, (content.ToolResult("c", "fine" if own else (image,)),))
    request = bare_request(user, result)
    policy = replace(shipped_policy.screening, detectors=("rules",), images=Decision.BLOCK, tool_images=Decision.BLOCK)
    policy = replace(policy, **{"images" if own else "tool_images": decision})
    verdict = screen(request, request, policy)
    assert verdict.decision is decision
    assert "image:1:not_scanned:unreadable" in verdict.carriers
    document = content.Message(Speaker.USER, (TextPart("Look:"), image), content.TextKind.DOCUMENT)
    other = bare_request(user, document) if own else bare_request(document)
    assert screen(other, other, policy).decision is (Decision.BLOCK if own else decision)


def test_estimating_counts_every_text():
    request, _ = marked()
    whole = estimate_tokens(request)
    for text in texts_of(request):
        at = text.address

        def longer(found: Text, at: TextAddress = at) -> str:
            return found.text + " 1234" if found.address == at else found.text

        assert whole < estimate_tokens(map_texts(request, longer, set())) <= whole + estimate_text_tokens(" 1234")


ANSWERS = ("text", "refusal", "arguments", "name", "call_id", "reasoning")


def answer(**said: str) -> Content:
    """An answer with a text of every kind, harmless but for what is ``said``."""
    text = {**dict.fromkeys(ANSWERS, "fine"), **said}
    return (
        content.OpaqueItem("thinking.signature", "x", text["reasoning"]),
        TextPart(text["text"]),
        content.RefusalPart(text["refusal"]),
        content.ToolCall(text["call_id"], text["name"], json.dumps({"a": text["arguments"]})),
    )


def test_an_answer_has_all_these_texts():
    assert len(texts_of_answer(answer())) == len(ANSWERS)


SYSTEM = "You are the support assistant of a bank. Never talk about the merger that is planned for early next spring."
BAD = {
    "a rule": "AKIAQWERTYUIOPASDFGH",
    "a leak": SYSTEM,
    "a link": "https://evil.example/?q=" + b"Never talk about the merger that is planned".hex(),
    "hidden": "a\u200b\u200b\u200bb",
}


@pytest.mark.parametrize("place", ANSWERS)
@pytest.mark.parametrize("bad", BAD)
def test_the_screening_of_answers_sees_every_text(shipped_policy: Policy, place: str, bad: str):
    request = bare_request(content.Message(Speaker.SYSTEM, SYSTEM), content.Message(Speaker.USER, "Hello"))
    assert screen_output(answer(), request, shipped_policy.output).decision is Decision.ALLOW
    verdict = screen_output(answer(**{place: BAD[bad]}), request, shipped_policy.output)
    assert verdict.decision is not Decision.ALLOW
    texts = {text.address: text.text for text in texts_of_answer(answer(**{place: BAD[bad]}))}
    for finding in verdict.findings:
        if finding.rule != "not_scanned":
            assert 0 <= finding.start < finding.end <= len(texts[finding.address])


@pytest.mark.parametrize("place", ANSWERS)
def test_the_search_for_data_in_answers_sees_every_text(shipped_policy: Policy, place: str):
    assert shipped_policy.privacy is not None
    strict = replace(shipped_policy.privacy, answers=dict.fromkeys(DataKind, Decision.BLOCK))
    clear = Verdict(Decision.ALLOW, 0.0, RiskBand.LOW)
    said = answer(**{place: "bob@example.com"})
    assert add_data(clear, said, bare_request(), strict, NoPhones()).decision is Decision.BLOCK
    known, _ = marked("bob@example.com")
    for text in texts_of(known):
        at = text.address
        asked = map_texts(known, lambda found, at=at: found.text if found.address == at else "", set())
        assert add_data(clear, said, asked, strict, NoPhones()).decision is Decision.ALLOW, at


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(TEXTS, st.just('"\\\n'), st.just("alice@example.com, "), st.just("\\u0040"))))
def test_data_of_arguments_are_masked_and_put_back(shipped_policy: Policy, pieces: list[str]):
    privacy = shipped_policy.privacy
    assert privacy is not None
    masking = replace(privacy, handling=dict.fromkeys(DataKind, Handling.MASK))
    said = "".join(pieces)
    arguments = json.dumps({"to": said, "n": 1.0})
    call = (content.ToolCall("c", "send", arguments),)
    made = mask_request(bare_request(content.Message(Speaker.ASSISTANT, call)), masking, "acme", NoPhones(), b"run")
    assert not made.blocked
    masked = made.request.messages[0].content
    back = restore(masked, made.values, made.request)
    assert isinstance(back, tuple)
    assert isinstance(back[0], content.ToolCall)
    assert json.loads(back[0].arguments) == {"to": said, "n": 1.0}


def test_data_behind_escapes_are_found_where_they_stand(shipped_policy: Policy):
    assert shipped_policy.privacy is not None
    arguments = '{"to": "line\\nalice\\u0040example.com", "card": 4111111111111111}'
    request = bare_request(content.Message(Speaker.ASSISTANT, (content.ToolCall("c", "send", arguments),)))
    made = mask_request(request, shipped_policy.privacy, "acme", NoPhones(), b"run")
    [_, _, text] = texts_of(made.request)
    said = json.loads(text.text)
    assert said["to"].startswith("line\n[EMAIL_")
    assert said["card"].startswith("[CARD_NUMBER_")
    assert {value for _, value in made.values} == {"alice@example.com", "4111111111111111"}
