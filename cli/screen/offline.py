"""Offline screening of single texts with the service's functions and policy files.

Commands and benchmarks share it, so that they measure the service's behaviour.
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
from domain.inference.content import Message, Speaker, TextKind
from domain.inference.requests import bare_request
from domain.policy.document import Policy, parse_policy
from domain.screening.screen import screen
from domain.screening.verdicts import Decision, Finding, Verdict
from domain.text.sanitise import sanitise

_KINDS = tuple(kind.value for kind in TextKind)

NOTHING_VISIBLE = "nothing_visible"
"""Rule, of the detector ``sanitiser``, for a text that is empty after sanitising: the service refuses it."""


def kind_of(number: int, row: Mapping[str, Any]) -> TextKind:
    """Return the kind of text on a line: a prompt unless given.

    Raises:
        BadLine: there is no such kind.
    """
    kind = row.get("kind", TextKind.PROMPT.value)
    if kind not in _KINDS:
        raise BadLine(number, "kind", f"must be one of: {', '.join(_KINDS)}")
    return TextKind(kind)


class Screener:
    """Screens texts with one policy (canonical ``document``) and the settings' models.

    Raises:
        PolicyError: a model can't be used, or differs from the policy's.
    """

    def __init__(self, document: bytes, settings: Settings) -> None:
        self.policy: Policy = parse_policy(document)
        screening = self.policy.screening
        self.detectors = load_detectors(settings.models_dir, screening, settings.onnx.dir, settings.onnx.threads)

    def screen(self, text: str, kind: TextKind = TextKind.PROMPT) -> Verdict:
        """Screen a text as the only message of a request. Findings refer to positions in ``text``.

        Raises:
            Refusal: SCREENING_UNAVAILABLE if a detector can't run.
        """
        speaker = Speaker.SYSTEM if kind is TextKind.SYSTEM else Speaker.USER
        clean = sanitise(text, self.policy.sanitising).text
        seen, sent = (bare_request(Message(speaker, said, kind)) for said in (clean, text))
        verdict = screen(seen, sent, self.policy.screening, self.detectors)
        if clean.strip():
            return verdict
        invisible = Finding("sanitiser", NOTHING_VISIBLE, 0.0, 0, 0, len(text))
        return replace(verdict, decision=Decision.BLOCK, findings=(*verdict.findings, invisible))


def read_policy_files(directory: Path) -> bytes:
    """Return the canonical document of the policy in a directory.

    Raises:
        PolicyError: the policy is invalid.
    """
    return load_policy_document(directory, {})


def descriptions(document: bytes) -> Mapping[str, str]:
    """Return each rule's description by name. The document must be a valid policy."""
    policy = json.loads(document)
    rule_sets = [*policy["rules"].values(), policy["output"]]
    return _BUILT_IN | {
        rule["name"]: rule["description"]
        for rules in rule_sets
        for rule in (*rules.get("rules", ()), *rules.get("lexicons", ()))
    }


_BUILT_IN = {
    NOTHING_VISIBLE: "Nothing remains after sanitising, so the service refuses the text.",
    "not_scanned": "Not fully screened: the text, or its nesting of encodings, exceeds the limit.",
    "tags": "Unicode tag characters: invisible to people, read by models.",
    "bidirectional": "Overrides of the writing direction: people and the model read different text.",
    "zero_width": "Runs of zero-width characters, or many of them inside words.",
    "variation_selectors": "Consecutive variation selectors, which can encode invisible text.",
    "reversed": "Text written from right to left.",
    "unasked_tool": "An order in data to call a tool of the request that neither user nor system message named.",
    "unasked_call": "An order in data to call something that is named as tools are, and that neither message named.",
    "unasked_recipient": "An order in data to send or pay to an address that neither user nor system message named.",
    "acrostic": "The initials of lines, sentences or words spell an order to the model.",
    "interleaved_words": "An order to the model, with foreign words or signs between its words.",
    "ngrams": "Resembles attacks in the classifier's training data.",
}
