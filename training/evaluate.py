"""Detection rates on held-out sources: by the classifier, by the rules, and by both."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from adapters.system.policy_files import load_policy_document
from domain.inference.content import Message, Speaker
from domain.inference.requests import bare_request
from domain.policy.document import parse_policy
from domain.screening.scores import ALONE_MOST, ALONE_ODDS, SURE
from domain.screening.screen import screen
from domain.text.sanitise import sanitise
from training.fit import POINTS, Floats, Ints, balance, cut, fit, quantise
from training.rows import Row, own_rows, read_rows

FOLDS = (
    ("itw_jailbreak:1", "gptfuzz_templates:1", "awesome_prompts:0", "mt_vicuna_bench:0", "self_instruct_seed:0"),
    ("deepset:1", "deepset:0", "garak_probes:1", "arena_hard_v01:0"),
    ("bastioncorpus:1", "bastioncorpus:0", "giskard_injections:1", "gsm8k:0", "gpteacher_toolformer:0"),
    ("pyrit_jailbreak_templates:1", "gpteacher_roleplay:0"),
    ("own_attack_grammar:1", "own_attack_multiling:1", "own_hard_negatives:0", "own_benign_multiling:0", "nl2bash:0"),
    ("agent_injection_bench:1", "harm_topic_plain:0"),
)
"""Sources held out together, so that attacks and ordinary prompts both come from unseen sources."""
MADE_HERE = ("own_attack_grammar:1", "own_attack_multiling:1")
RATES = (0.001, 0.01, 0.05)
_POLICIES = Path(__file__).resolve().parent.parent / "policies"


def held_out_margins(rows: Sequence[Row], own: Sequence[Row], unseen: Sequence[Row] = ()) -> Floats:
    """Return margins of the rows, then of the unseen ones, each by a model trained without the sources of its fold.

    All models learn from the generated texts, none from unseen ones.

    Raises:
        ValueError: a row's source is in no fold.
    """
    judged = [*rows, *unseen]
    everything = [*judged, *own]
    pieces = cut([row.text for row in everything])
    labels = np.array([row.label for row in everything])
    sources = np.array([row.source for row in everything])
    margins = np.full(len(judged), np.nan)
    for fold in FOLDS:
        aside = np.isin(sources, fold)
        learnt = ~aside
        learnt[len(rows) : len(judged)] = False
        weights = np.zeros(len(everything))
        weights[learnt] = balance([row for row, used in zip(everything, learnt, strict=True) if used])
        vector, bias = fit(pieces.of(learnt), labels, weights)
        small, scale = quantise(vector)
        mine = aside[: len(judged)]
        margins[mine] = pieces.of(aside).highest(small.astype(np.float64) * scale, bias, len(everything))[
            : len(judged)
        ][mine]
    if np.isnan(margins).any():
        raise ValueError("a source is in no fold: name it in FOLDS")
    return margins


def rule_scores(rows: Sequence[Row]) -> Floats:
    """Return each row's score by the shipped rules alone."""
    policy = parse_policy(load_policy_document(_POLICIES, {}))
    rules_alone = replace(policy.screening, detectors=("rules",), max_scanned_chars=1_000_000)
    scores = []
    for row in rows:
        clean = sanitise(row.text, policy.sanitising).text
        seen, sent = (bare_request(Message(Speaker.USER, text)) for text in (clean, row.text))
        verdict = screen(seen, sent, rules_alone)
        scores.append(verdict.score)
    return np.array(scores)


def together(margins: Floats, rules: Floats) -> Floats:
    """Return scores of classifier and rules combined as in the screening."""
    at, score = np.array(POINTS).T
    alike = np.interp(margins, at, score)
    alone = ALONE_MOST * alike * ALONE_ODDS / (alike * ALONE_ODDS + 1 - alike)
    return np.asarray(1 - (1 - rules) * (1 - np.where(rules >= SURE, alike, alone)), dtype=np.float64)


def found(scores: Floats, labels: Ints, rate: float) -> tuple[float, npt.NDArray[np.bool_]]:
    """Return the threshold exceeded by at most this share of ordinary prompts, and the rows above it."""
    ordinary = np.sort(scores[labels == 0])[::-1]
    threshold = float(ordinary[int(rate * len(ordinary))])
    return threshold, scores > threshold


def evaluate(data: Path) -> None:
    """Print the figures of held-out sources."""
    rows = read_rows(data)
    margins, rules = held_out_margins(rows, list(own_rows())), rule_scores(rows)
    labels = np.array([row.label for row in rows])
    sources = np.array([row.source for row in rows])
    attacks = list(dict.fromkeys(sources[labels == 1]))
    outside = (labels == 1) & ~np.isin(sources, MADE_HERE)
    report = {}
    for name, scores in (("classifier", margins), ("rules", rules), ("both", together(margins, rules))):
        for rate in RATES:
            above = found(scores, labels, rate)[1]
            by_source = {source: round(float(above[sources == source].mean()), 3) for source in attacks}
            report[f"{name} at {rate:.1%}"] = {"outside": round(float(above[outside].mean()), 3), **by_source}
    print(json.dumps(report, indent=1))
