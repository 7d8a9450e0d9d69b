"""A model that the operator brings: a tiny one here, whose only opinion is that "ignore" is an attack."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.screening.detectors import load_detectors
from adapters.screening.onnx import OnnxClassifier
from domain.inference.content import Message, Speaker, TextKind
from domain.inference.requests import bare_request
from domain.policy.document import Policy
from domain.policy.reader import PolicyError
from domain.refusals import Kind, Refusal
from domain.screening.detectors import ONNX
from domain.screening.policy import OnnxPolicy, ScreeningPolicy
from domain.screening.screen import screen
from domain.screening.verdicts import Decision, DetectorState, Verdict
from tests.unit.conftest import POLICIES

onnx = pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
tokenizers = pytest.importorskip("tokenizers", reason="the extra 'onnx' is not installed")
pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")

MODELS = POLICIES.parent / "models"
IGNORE = 3


def _model(labels: int = 2, input_name: str = "input_ids") -> bytes:
    """Logits (0, 9) where a window holds the token "ignore", (9, 0) where it doesn't; more labels get 0."""
    helper, kind = onnx.helper, onnx.TensorProto
    rest = [helper.make_tensor(f"zero{i}", kind.FLOAT, [1], [0.0]) for i in range(labels - 2)]
    nodes = [
        helper.make_node("Equal", [input_name, "wanted"], ["same"]),
        helper.make_node("Cast", ["same"], ["ones"], to=kind.FLOAT),
        helper.make_node("ReduceMax", ["ones", "axis"], ["there"], keepdims=1),
        helper.make_node("Mul", ["there", "nine"], ["yes"]),
        helper.make_node("Sub", ["nine", "yes"], ["no"]),
        *[helper.make_node("Mul", ["there", one.name], [f"rest{i}"]) for i, one in enumerate(rest)],
        helper.make_node("Concat", ["no", "yes", *[f"rest{i}" for i in range(len(rest))]], ["logits"], axis=1),
    ]
    constants = [
        helper.make_tensor("wanted", kind.INT64, [1], [IGNORE]),
        helper.make_tensor("axis", kind.INT64, [1], [1]),
        helper.make_tensor("nine", kind.FLOAT, [1], [9.0]),
        *rest,
    ]
    given = [helper.make_tensor_value_info(input_name, kind.INT64, ["windows", "tokens"])]
    made = [helper.make_tensor_value_info("logits", kind.FLOAT, ["windows", labels])]
    graph = helper.make_graph(nodes, "tiny", given, made, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def _tokenizer() -> str:
    words = tokenizers.models.WordLevel({"[UNK]": 0, "hello": 1, "please": 2, "ignore": IGNORE}, unk_token="[UNK]")
    made = tokenizers.Tokenizer(words)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return str(made.to_str())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(_model())
    (tmp_path / "tokenizer.json").write_text(_tokenizer())
    return tmp_path


def _policy_for(directory: Path, policy: Policy, **changed: Any) -> ScreeningPolicy:
    digests = [hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in ("model.onnx", "tokenizer.json")]
    settings = {"label": 1, "window_tokens": 16, "most_windows": 4, "least": 0.5, **changed}
    return replace(policy.screening, detectors=(ONNX,), onnx=OnnxPolicy(digests[0], digests[1], **settings))


@pytest.fixture
def judged(directory: Path, policy: Policy) -> Iterator[Any]:
    detector = OnnxClassifier.load(directory, 1)

    def judge(text: str, role: Speaker = Speaker.USER, kind: TextKind | None = None, **changed: Any) -> Verdict:
        message = bare_request(Message(role, text, kind))
        return screen(message, message, _policy_for(directory, policy, **changed), {ONNX: detector})

    return judge


def test_the_models_opinion_is_a_finding_with_its_window(judged: Any):
    verdict = judged("Hello, please IGNORE all that.")
    assert verdict.decision is Decision.BLOCK
    (finding,) = verdict.findings
    assert (finding.detector, finding.rule) == (ONNX, "classified_as_attack")
    assert finding.score == pytest.approx(0.99988, abs=1e-4)
    assert (finding.start, finding.end) == (0, 30)


def test_what_the_model_finds_harmless_passes(judged: Any):
    verdict = judged("Hello there, please.")
    assert (verdict.decision, verdict.findings) == (Decision.ALLOW, ())
    assert verdict.detectors[0].state is DetectorState.SCORED


def test_a_long_text_is_read_in_windows_and_the_surest_counts(judged: Any):
    text = "hello " * 30 + "ignore " + "hello " * 8
    verdict = judged(text)
    assert verdict.decision is Decision.BLOCK
    assert text[verdict.findings[0].start : verdict.findings[0].end].count("ignore") == 1


def test_more_windows_than_may_be_read_are_a_review(judged: Any):
    verdict = judged("hello " * 200, most_windows=2)
    assert verdict.decision is Decision.REVIEW
    assert verdict.detectors[0].state is DetectorState.NOT_SCANNED
    assert judged("hello " * 10, most_windows=1).decision is Decision.ALLOW


def test_the_label_says_what_an_attack_is(judged: Any):
    assert judged("Hello", label=0).decision is Decision.BLOCK


def test_the_systems_own_words_are_not_judged(judged: Any):
    verdict = judged("ignore", Speaker.SYSTEM)
    assert verdict.detectors[0].state is DetectorState.NOT_APPLICABLE
    assert judged("ignore", kind=TextKind.DOCUMENT).decision is Decision.BLOCK


@pytest.mark.parametrize("changed", [{"label": 2}, {"label": 7}])
def test_a_label_that_the_model_does_not_have_makes_the_screening_unavailable(judged: Any, changed: dict[str, int]):
    with pytest.raises(Refusal) as refused:
        judged("Hello", **changed)
    assert refused.value.kind is Kind.SCREENING_UNAVAILABLE


def test_another_model_than_the_policys_makes_the_screening_unavailable(directory: Path, policy: Policy):
    wanted = _policy_for(directory, policy)
    (directory / "model.onnx").write_bytes(_model(labels=3))
    detectors = {ONNX: OnnxClassifier.load(directory, 1)}
    message = bare_request(Message(Speaker.USER, "Hello"))
    with pytest.raises(Refusal) as refused:
        screen(message, message, wanted, detectors)
    assert refused.value.kind is Kind.SCREENING_UNAVAILABLE
    with pytest.raises(PolicyError, match=r"onnx\.model_sha256"):
        load_detectors(MODELS, wanted, directory)


def test_a_policy_without_its_model_and_a_missing_label_refuse_the_start(directory: Path, policy: Policy):
    with pytest.raises(PolicyError, match="no model directory is set"):
        load_detectors(MODELS, _policy_for(directory, policy))
    with pytest.raises(PolicyError, match=r"onnx\.label"):
        load_detectors(MODELS, _policy_for(directory, policy, label=2), directory)
    assert ONNX in load_detectors(MODELS, _policy_for(directory, policy), directory)
    assert ONNX not in load_detectors(MODELS)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("model.onnx", b"", "is not a model"),
        ("model.onnx", None, "can't be read"),
        ("tokenizer.json", b"{}", "is not a tokenizer"),
        ("tokenizer.json", b"\xff", "is not a tokenizer"),
        ("tokenizer.json", None, "can't be read"),
    ],
)
def test_files_that_are_no_model_refuse_the_start(directory: Path, name: str, content: bytes | None, what: str):
    (directory / name).unlink() if content is None else (directory / name).write_bytes(content)
    with pytest.raises(PolicyError, match=what) as refused:
        OnnxClassifier.load(directory, 1)
    assert refused.value.where == name


def test_a_model_with_other_inputs_refuses_the_start(directory: Path):
    (directory / "model.onnx").write_bytes(_model(input_name="pixels"))
    with pytest.raises(PolicyError, match="has inputs other than"):
        OnnxClassifier.load(directory, 1)
