"""The detector ``onnx``: an operator's text classifier, as ONNX with a tokenizer in Hugging Face's format.

The files are ``model.onnx`` and ``tokenizer.json``. The model's inputs are ``input_ids``, ``attention_mask`` and
optionally ``token_type_ids`` (int64, one row per window), and its first output are the logits of its labels, one row
per window.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from domain.inference.content import TextKind
from domain.policy.reader import PolicyError
from domain.screening.detectors import NOT_SCANNED, ONNX, Inspection, ScreenedText
from domain.screening.policy import OnnxPolicy, ScreeningPolicy
from domain.screening.verdicts import Decision, DetectorState, Finding

RULE = "classified_as_attack"
_MODEL, _TOKENIZER = "model.onnx", "tokenizer.json"
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_BATCH = 4


class OnnxClassifier:
    """Highest attack probability over the token windows, by the operator's model.

    The application's own system messages are not judged, nor is unread text.
    """

    name = ONNX
    apart = True

    def __init__(self, session: Any, tokenizer: Any, digests: tuple[str, str]) -> None:  # noqa: ANN401 - untyped library
        """Take a session of onnxruntime, a tokenizer of tokenizers, and the files' SHA-256."""
        self._session = session
        self._tokenizer = tokenizer
        self._digests = digests
        self._readers: dict[int, Any] = {}
        self._inputs = tuple(given.name for given in session.get_inputs())

    @classmethod
    def load(cls, directory: Path, threads: int) -> "OnnxClassifier":
        """Read the files. The model gets so many threads.

        Raises:
            PolicyError: a file can't be read or used, or the extra ``onnx`` is not installed; ``where`` is the file.
        """
        try:
            import onnxruntime  # type: ignore[import-untyped] # noqa: PLC0415 - an extra
            import tokenizers  # noqa: PLC0415
        except ImportError as error:
            raise PolicyError("ASSAY_ONNX__DIR", "needs the extra 'onnx': pip install 'assay[onnx]'") from error
        model, tokenizer = _read(directory / _MODEL), _read(directory / _TOKENIZER)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise PolicyError(_MODEL, "is not a model that onnxruntime can run") from error
        unknown = [given.name for given in session.get_inputs() if given.name not in _INPUTS]
        if unknown:
            raise PolicyError(_MODEL, f"has inputs other than {', '.join(_INPUTS)}")
        try:
            read = tokenizers.Tokenizer.from_str(tokenizer.decode())
        except Exception as error:
            raise PolicyError(_TOKENIZER, "is not a tokenizer") from error
        digests = hashlib.sha256(model).hexdigest(), hashlib.sha256(tokenizer).hexdigest()
        return cls(session, read, digests)

    def require(self, policy: OnnxPolicy) -> None:
        """Check that the files are those of the policy, and the model has the label.

        Raises:
            PolicyError: they differ.
        """
        for member, here, wanted in zip(
            ("model_sha256", "tokenizer_sha256"),
            self._digests,
            (policy.model_sha256, policy.tokenizer_sha256),
            strict=True,
        ):
            if here != wanted:
                raise PolicyError(
                    f"screening.yaml: onnx.{member}", f"names another file than the installed one, {here}"
                )
        try:
            self._score([[0] * 4], [[1] * 4], policy.label)
        except Exception as error:
            raise PolicyError("screening.yaml: onnx.label", "the model has no output for it") from error

    def inspect(self, conversation: tuple[ScreenedText, ...], policy: ScreeningPolicy) -> Inspection:
        """Score each message.

        Raises:
            ValueError: the policy is for other files, or the model's output is invalid.
        """
        onnx = policy.onnx
        if onnx is None or (onnx.model_sha256, onnx.tokenizer_sha256) != self._digests:
            raise ValueError("the policy names other files")
        findings: list[Finding] = []
        read = False
        for exchange in conversation:
            if exchange.kind is not TextKind.SYSTEM and exchange.normalised.view.text:
                read = True
                findings.extend(self._judge(exchange, onnx))
        if any(finding.rule == NOT_SCANNED for finding in findings):
            return Inspection(DetectorState.NOT_SCANNED, tuple(findings), Decision.REVIEW)
        return Inspection(DetectorState.SCORED if read else DetectorState.NOT_APPLICABLE, tuple(findings))

    def _judge(self, exchange: ScreenedText, policy: OnnxPolicy) -> Iterator[Finding]:
        view = exchange.normalised.view
        windows = self._windows(view.text, policy)
        scores: list[float] = []
        for at in range(0, len(windows), _BATCH):
            batch = windows[at : at + _BATCH]
            scores += self._score([w.ids for w in batch], [w.attention_mask for w in batch], policy.label)
        surest = max(range(len(scores)), key=scores.__getitem__)
        if scores[surest] >= policy.least:
            place = view.span(*_stretch(windows[surest], len(view.text)))
            yield exchange.finding(self.name, RULE, round(scores[surest], 6), *place)
        end = _stretch(windows[-1], len(view.text))[1]
        if len(windows) == policy.most_windows and end < len(view.text.rstrip()):
            yield exchange.finding(self.name, NOT_SCANNED, 0.0, view.span(0, end)[1], len(exchange.original))
        elif not exchange.is_whole:
            yield exchange.finding(self.name, NOT_SCANNED, 0.0, exchange.scanned, exchange.length)

    def _windows(self, text: str, policy: OnnxPolicy) -> list[Any]:
        """Return the text's windows, each an encoding of the tokenizer."""
        reader = self._readers.get(policy.window_tokens)
        if reader is None:  # one for each length: they are used by several threads, and contain the length
            reader = self._tokenizer.from_str(self._tokenizer.to_str())
            reader.no_padding()
            reader.enable_truncation(policy.window_tokens, stride=policy.window_tokens // 4)
            self._readers[policy.window_tokens] = reader
        whole = reader.encode(text)
        return [whole, *whole.overflowing][: policy.most_windows]

    def _score(self, ids: Sequence[Sequence[int]], mask: Sequence[Sequence[int]], label: int) -> list[float]:
        """Return the probability of the label for each window, by softmax.

        Raises:
            ValueError: the model has no such label, or returns a value that is not a number.
        """
        import numpy  # noqa: PLC0415, ICN001 - comes with onnxruntime

        longest = max(map(len, ids))
        rows = {
            "input_ids": [[*row, *[0] * (longest - len(row))] for row in ids],
            "attention_mask": [[*row, *[0] * (longest - len(row))] for row in mask],
            "token_type_ids": [[0] * longest for _ in ids],
        }
        given = {name: numpy.array(rows[name], dtype=numpy.int64) for name in self._inputs}
        logits = self._session.run(None, given)[0].tolist()
        found: list[float] = []
        for row in logits:
            if not 0 <= label < len(row) or not all(map(math.isfinite, row)):
                raise ValueError("the model has no such label, or returned a value that is not a number")
            highest = max(row)
            powers = [math.exp(value - highest) for value in row]
            found.append(powers[label] / sum(powers))
        if len(found) != len(ids):
            raise ValueError("the model did not return a result for every window")
        return found


def _stretch(window: Any, length: int) -> tuple[int, int]:  # noqa: ANN401 - the tokenizer's own
    """Return start and end of a window's text."""
    places = [(start, end) for start, end in window.offsets if end > start]
    return (places[0][0], max(end for _, end in places)) if places else (0, length)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PolicyError(path.name, "can't be read") from error
