"""The screening of single texts without servers, by the very functions and policy files that the service runs.

Commands and benchmarks share it, so that what they measure is what callers meet.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.policy_files import load_policy_document
from cli.jsonl import BadLine
from domain.policy import Policy, parse_policy
from domain.requests import Message, Speaker
from domain.sanitise import sanitise
from domain.screening import screen
from domain.verdicts import Decision, Finding, Verdict

NOTHING_VISIBLE = "nothing_visible"
"""The rule, of the detector ``sanitiser``, for a text of which sanitising leaves nothing: the service refuses it."""


PROMPT = "prompt"
KINDS = (PROMPT,)
"""What a text can be said to be."""


def kind_of(number: int, row: Mapping[str, Any]) -> str:
    """The kind of text on a line: a prompt unless it says otherwise.

    Raises:
        BadLine: there is no such kind.
    """
    kind = row.get("kind", PROMPT)
    if kind not in KINDS:
        raise BadLine(number, "kind", f"must be one of: {', '.join(KINDS)}")
    return str(kind)


class Screener:
    """Judges texts by one policy. ``document`` is its canonical document."""

    def __init__(self, document: bytes) -> None:
        self.policy: Policy = parse_policy(document)

    def screen(self, text: str, kind: str = PROMPT) -> Verdict:
        """Judge a text of a kind as the one message of a request. Findings point into ``text``.

        Raises:
            Refusal: SCREENING_UNAVAILABLE if a detector can't run.
        """
        original = Message(Speaker.USER, text)
        clean = replace(original, content=sanitise(text, self.policy.sanitising).text)
        verdict = screen((clean,), (original,), self.policy.screening)
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
    NOTHING_VISIBLE: "Sanitising leaves nothing of it, so the service refuses it.",
    "not_scanned": "Longer than what is read: nothing is known of the rest.",
    "hidden_tags": "Unicode tag characters, which people don't see and models read.",
    "hidden_direction": "Overrides of the direction of writing: people read something else than the model.",
    "hidden_zero_width": "Runs of zero-width characters, or many inside words.",
    "hidden_variation_selectors": "Variation selectors in a row, which can carry any text unseen.",
}
