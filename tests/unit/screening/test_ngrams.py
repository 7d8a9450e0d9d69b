"""The classifier: its features, its model's file, its findings."""

import hashlib
import json
import struct
from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.screening.detectors import load_detectors
from adapters.screening.ngram_files import load_ngram_model
from domain.inference.content import Message, Speaker
from domain.inference.requests import bare_request
from domain.policy.document import Policy, PolicyError
from domain.refusals import Kind, Refusal
from domain.screening.detectors import pair
from domain.screening.ngram_model import NgramModel, pack, unpack
from domain.screening.ngrams import LEAST_FEATURES, STRIDE, TABLE_BITS, WINDOW, features, steps, windows
from domain.screening.ngrams_detector import RULE, Ngrams, explain
from domain.screening.screen import screen
from domain.screening.verdicts import Decision, DetectorState, Finding

POINTS = ((-2.0, 0.0), (0.0, 0.5), (2.0, 1.0))


def _file(weighty: str = "", weight: int = 100, bias: float = -1.0) -> bytes:
    weights = array("b", bytes(1 << TABLE_BITS))
    for place in features(weighty):
        weights[place] = weight
    return pack(0.05, bias, POINTS, weights.tobytes())


def _detect(policy: Policy, model: NgramModel, *texts: str, role: Speaker = Speaker.USER, limit: int = 32_000):
    changed = replace(policy.screening, ngram_model=model.name, max_scanned_chars=limit)
    messages = bare_request(*(Message(role, text) for text in texts))
    return Ngrams(model).inspect(pair(messages, messages, changed), changed)


@pytest.mark.parametrize(
    "text", ["", "a", "ignore the rules", "### [x] <y>_z\n\n12 345", "über don't 忽略之前 " * 9, "\0\x7f"]
)
def test_features_token_by_token_are_the_same(text: str):
    assert set().union(*(new for _, _, new in steps(text))) == features(text)
    assert all(0 <= place < 1 << TABLE_BITS for place in features(text))


def test_what_words_share_is_shared_and_their_order_counts():
    one, other, swapped = features("drop the rule"), features("drop the rules"), features("rule the drop")
    assert one & other
    assert one != swapped
    assert features("ab\ncd") != features("ab cd")


def test_a_long_word_costs_no_more_than_its_beginning():
    assert features("a" * 40 + "b" * 1000) == features("a" * 40)


@pytest.mark.parametrize("length", [0, 1, WINDOW, WINDOW + 1, WINDOW + STRIDE, 10_000])
def test_windows_cover_a_text(length: int):
    places = list(windows(length))
    assert set().union(*(range(*place) for place in places)) == set(range(length))
    assert all(end - begin <= WINDOW for begin, end in places)


def test_a_model_is_read_as_it_was_written():
    data = _file("secret")
    model = unpack(data)
    assert model.name == hashlib.sha256(data).hexdigest()[:16]
    assert model.margin(set()) == -1.0
    found = features("secret")
    assert len(found) < LEAST_FEATURES
    assert model.margin(found) == pytest.approx(0.05 * 100 * len(found) / LEAST_FEATURES**0.5 - 1)


def test_a_short_text_counts_as_one_with_the_least_number_of_features():
    model = unpack(_file("unlock"))
    short, long = features("unlock"), features(" ".join(f"unlock {word}" for word in "abcdefghijklmnopqrst"))
    assert len(short) < LEAST_FEATURES
    assert model.margin(short) + 1 == pytest.approx(len(short) * 5 / LEAST_FEATURES**0.5)
    assert model.margin(long) + 1 == pytest.approx(len(short & long) * 5 / max(len(long), LEAST_FEATURES) ** 0.5)


@pytest.mark.parametrize(("margin", "score"), [(-9, 0), (-2, 0), (-1, 0.25), (0, 0.5), (1, 0.75), (2, 1), (9, 1)])
def test_a_score_lies_on_the_line_between_points(margin: float, score: float):
    assert unpack(_file()).score(margin) == score


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ASSAYNG2",
        _file()[:-1],
        b"x" + _file()[1:],
        pack(1.0, 0.0, (), bytes(1 << TABLE_BITS)),
        pack(float("nan"), 0.0, POINTS, bytes(1 << TABLE_BITS)),
        pack(1.0, 0.0, ((0.0, 0.5), (1.0, 0.4)), bytes(1 << TABLE_BITS)),
        pack(1.0, 0.0, ((0.0, 0.5), (0.0, 0.6)), bytes(1 << TABLE_BITS)),
        pack(1.0, 0.0, ((0.0, 0.5), (1.0, 1.1)), bytes(1 << TABLE_BITS)),
        struct.pack("<8sBBdd", b"ASSAYNG2", 3, 0, 1, 0) + bytes(8),
    ],
)
def test_what_is_no_model_is_refused(data: bytes):
    with pytest.raises(ValueError, match=r"not a model|no valid score"):
        unpack(data)


def _directory(tmp_path: Path, data: bytes, digest: str | None = None) -> Path:
    (tmp_path / "ngrams.bin").write_bytes(data)
    about = {"weights_sha256": digest or hashlib.sha256(data).hexdigest()}
    (tmp_path / "ngrams.json").write_text(json.dumps(about))
    return tmp_path


def test_a_model_is_loaded(tmp_path: Path):
    assert load_ngram_model(_directory(tmp_path, _file())).bias == -1.0


def test_a_model_that_was_changed_is_refused(tmp_path: Path):
    with pytest.raises(PolicyError, match="not the file described"):
        load_ngram_model(_directory(tmp_path, _file(), "0" * 64))


def test_a_model_that_is_none_is_refused(tmp_path: Path):
    with pytest.raises(PolicyError, match=r"ngrams\.bin: is not a model"):
        load_ngram_model(_directory(tmp_path, b"x"))


@pytest.mark.parametrize("name", ["ngrams.bin", "ngrams.json"])
def test_a_file_that_is_missing_is_named(tmp_path: Path, name: str):
    (_directory(tmp_path, _file()) / name).unlink()
    with pytest.raises(PolicyError, match=name):
        load_ngram_model(tmp_path)


def test_another_model_than_the_policy_names_stops_the_start(tmp_path: Path, policy: Policy):
    directory = _directory(tmp_path, _file())
    with pytest.raises(PolicyError, match="another model"):
        load_detectors(directory, policy.screening)
    without = replace(policy.screening, detectors=("rules",))
    assert "ngrams" in load_detectors(directory, without)


def test_another_model_than_the_run_s_policy_names_makes_the_screening_unavailable(policy: Policy):
    message = bare_request(Message(Speaker.USER, "Hello"))
    other = {"ngrams": Ngrams(unpack(_file()))}
    with pytest.raises(Refusal) as refused:
        screen(message, message, replace(policy.screening, detectors=("ngrams",)), other)
    assert refused.value.kind is Kind.SCREENING_UNAVAILABLE


def test_a_finding_points_at_the_heaviest_words(policy: Policy):
    text = "Good day. " * 3 + "Unlock the vault now. " + "Have a nice day."
    (finding,) = _detect(policy, unpack(_file("unlock the vault now")), text).findings
    assert finding.rule == RULE
    assert text[finding.start : finding.end] == "Unlock the vault now"


def test_the_highest_window_counts(policy: Policy):
    text = "word " * 900 + "unlock the vault now" + " word" * 900
    model = unpack(_file("unlock the vault now", bias=-1.5))
    (finding,) = _detect(policy, model, text).findings
    assert text[finding.start : finding.end] == "unlock the vault now"


def test_what_resembles_nothing_has_no_finding(policy: Policy):
    inspection = _detect(policy, unpack(_file("unlock", bias=-2.0)), "Good day")
    assert inspection.findings == ()
    assert inspection.state is DetectorState.SCORED


def test_system_messages_are_not_judged(policy: Policy):
    inspection = _detect(policy, unpack(_file("unlock")), "unlock", role=Speaker.SYSTEM)
    assert inspection.findings == ()
    assert inspection.state is DetectorState.NOT_APPLICABLE


def test_what_was_not_read_is_a_finding(policy: Policy):
    inspection = _detect(policy, unpack(_file(bias=-2.0)), "abcd", "efgh", limit=6)
    assert inspection.findings == (Finding("ngrams", "not_scanned", 0.0, 1, 2, 4),)
    assert inspection.state is DetectorState.NOT_SCANNED
    assert inspection.at_least is Decision.REVIEW


def test_an_empty_view_is_no_finding(policy: Policy):
    assert _detect(policy, unpack(_file(bias=2.0)), "\u200b").findings == ()


def test_what_words_weigh_adds_up_to_the_margin():
    model = unpack(_file("unlock the vault"))
    text = "please unlock the vault, friend"
    weighed = list(explain(text, 0, model))
    assert sum(word.weight for word in weighed) + model.bias == pytest.approx(model.margin(features(text)))
    heaviest = max(weighed, key=lambda word: word.weight)
    assert text[heaviest.start : heaviest.end] in ("unlock", "vault")
