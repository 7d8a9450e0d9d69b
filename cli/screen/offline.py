"""The screening of single texts without servers, by the very functions and policy files that the service runs.

Commands and benchmarks share it, so that what they measure is what callers meet.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.screening.detectors import load_detectors
from adapters.system.policy_files import load_policy_document
from cli.screen.jsonl import BadLine
from config.settings import Settings
from domain.inference.requests import Message, Speaker, TextKind
from domain.policy.document import Policy, parse_policy
from domain.screening.screen import screen
from domain.screening.verdicts import Decision, Finding, Verdict
from domain.text.sanitise import sanitise

_KINDS = tuple(kind.value for kind in TextKind)

NOTHING_VISIBLE = "nothing_visible"
"""The rule, of the detector ``sanitiser``, for a text of which sanitising leaves nothing: the service refuses it."""


def kind_of(number: int, row: Mapping[str, Any]) -> TextKind:
    """The kind of text on a line: a prompt unless it says otherwise.

    Raises:
        BadLine: there is no such kind.
    """
    kind = row.get("kind", TextKind.PROMPT.value)
    if kind not in _KINDS:
        raise BadLine(number, "kind", f"must be one of: {', '.join(_KINDS)}")
    return TextKind(kind)


class Screener:
    """Judges texts by one policy, whose canonical document is ``document``, with the models of the settings.

    Raises:
        PolicyError: a model can't be used, or it is another one than the policy was made for.
    """

    def __init__(self, document: bytes, settings: Settings) -> None:
        self.policy: Policy = parse_policy(document)
        screening = self.policy.screening
        self.detectors = load_detectors(settings.models_dir, screening, settings.onnx.dir, settings.onnx.threads)

    def screen(self, text: str, kind: TextKind = TextKind.PROMPT) -> Verdict:
        """Judge a text of a kind as the one message of a request. Findings point into ``text``.

        Raises:
            Refusal: SCREENING_UNAVAILABLE if a detector can't run.
        """
        speaker = Speaker.SYSTEM if kind is TextKind.SYSTEM else Speaker.USER
        original = Message(speaker, text, kind)
        clean = replace(original, content=sanitise(text, self.policy.sanitising).text)
        verdict = screen((clean,), (original,), self.policy.screening, self.detectors)
        if clean.content.strip():
            return verdict
        invisible = Finding("sanitiser", NOTHING_VISIBLE, 0.0, 0, 0, len(text))
        return replace(verdict, decision=Decision.BLOCK, findings=(*verdict.findings, invisible))


def read_policy_files(directory: Path) -> bytes:
    """The canonical document of the policy in a directory.

    Raises:
        PolicyError: where something is wrong with it.
    """
    return load_policy_document(directory, {})


def descriptions(document: bytes) -> Mapping[str, str]:
    """What each rule of a policy looks for, by name, for people. The document must be a valid policy."""
    policy = json.loads(document)
    rule_sets = [*policy["rules"].values(), policy["output"]]
    return _BUILT_IN | {rule["name"]: rule["description"] for rules in rule_sets for rule in rules["rules"]}


_BUILT_IN = {
    NOTHING_VISIBLE: "Nothing remains after sanitising, so the service refuses the text.",
    "not_scanned": "Not fully screened: the text, or its nesting of encodings, exceeds the limit.",
    "tags": "Unicode tag characters: invisible to people, read by models.",
    "bidirectional": "Overrides of the writing direction: people and the model read different text.",
    "zero_width": "Runs of zero-width characters, or many of them inside words.",
    "variation_selectors": "Consecutive variation selectors, which can encode invisible text.",
    "ngrams": "Resembles attacks in the classifier's training data.",
}
