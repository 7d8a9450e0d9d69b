"""Training: the same rows make the same bytes; what is committed is what its description says."""

import hashlib
import json
import random
from pathlib import Path

import numpy as np
import pytest

from domain.screening.ngram_model import NgramModel, unpack
from domain.screening.ngrams import features
from domain.text.normalise.pipeline import normalise
from tests.paths import ROOT
from tests.training.sentences import ROWS
from training.__main__ import differences, make
from training.fit import balance, cut, train
from training.grammar import Grammar
from training.rows import Row, own_rows, read_rows
from training.script import bare_code, script_digest
from training.thresholds import at_rate, documents

MODELS = ROOT / "models"
ABOUT = json.loads((MODELS / "ngrams.json").read_text())
CARD = (MODELS / "ngrams.md").read_text()


CHANCE = random.Random(1)  # noqa: S311 - no secret
ROWS_SCORES = np.array([0.1, 0.2, 0.3, 0.9])


def _margin(model: NgramModel, text: str) -> float:
    return model.margin(features(normalise(text).view.text))


def test_training_twice_makes_the_same_bytes_and_learns():
    first = train(ROWS)
    assert train(ROWS) == first
    model = unpack(first)
    wrong = [row for row in ROWS if (_margin(model, row.text) > 0) != bool(row.label)]
    assert wrong == []


def test_other_rows_make_other_weights():
    one, other = unpack(train(ROWS)), unpack(train(ROWS[:-2]))
    part, most = differences(one, other)
    assert part > 0
    assert most > 1


def test_our_own_texts_are_the_same_at_each_call():
    assert list(own_rows(5)) == list(own_rows(5))
    assert {row.label for row in own_rows(1)} == {0, 1}


def test_a_grammar_names_only_parts_that_it_has(tmp_path: Path):
    path = tmp_path / "a.yaml"
    path.write_text('families: {a: ["{b} and {{c}}"]}\nb: [x]\n')
    assert list(Grammar.read(path).texts("a", 1, CHANCE)) == ["x and {{c}}"]
    path.write_text('families: {a: ["{c}"]}\nb: [x]\n')
    with pytest.raises(ValueError, match="no part is called c"):
        Grammar.read(path)


def test_a_grammar_that_goes_in_circles_is_refused(tmp_path: Path):
    path = tmp_path / "a.yaml"
    path.write_text('families: {a: ["{b}"]}\nb: ["{b}"]\n')
    with pytest.raises(ValueError, match="in circles"):
        list(Grammar.read(path).texts("a", 1, CHANCE))


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"text": "a", "label": 2, "source": "b"}', '{"text": "a"}'])
def test_a_row_that_is_none_is_named(tmp_path: Path, line: str):
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"text": "a", "label": 1, "source": "b"}}\n{line}\n')
    with pytest.raises(ValueError, match="line 2 is no labelled prompt"):
        read_rows(path)


def test_a_model_is_written_with_what_it_was_made_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps({"text": r.text, "label": r.label, "source": r.source}) + "\n" for r in ROWS))
    monkeypatch.setattr("training.__main__.own_rows", list)
    about = make(data, tmp_path)
    assert json.loads((tmp_path / "ngrams.json").read_text()) == about
    assert about["weights_sha256"] == hashlib.sha256((tmp_path / "ngrams.bin").read_bytes()).hexdigest()
    assert about["data_sha256"] == hashlib.sha256(data.read_bytes()).hexdigest()


def test_both_labels_weigh_the_same_and_large_sources_little_more():
    rows = [*(Row("a", 1, "big") for _ in range(100)), Row("b", 1, "small"), Row("c", 0, "other")]
    weights = balance(rows)
    assert weights[:101].sum() == pytest.approx(weights[101])
    assert weights[:100].sum() < 3 * weights[100]


def test_a_text_has_the_margin_of_its_highest_window():
    pieces = cut(["x" * 10, "word " * 500, ""])
    assert list(pieces.texts) == [0, 1, 1, 1]


def test_documents_are_ordinary_and_long():
    long = [Row(row.text * 300, row.label, row.source) for row in ROWS]
    made = list(documents(long, 10))
    assert len(made) == 10
    assert all(row.label == 0 and 1_000 <= len(row.text) <= 12_000 for row in made)


def test_a_threshold_lets_no_more_than_its_part_be_stopped():
    assert at_rate(ROWS_SCORES, 0.25) == pytest.approx(0.31)
    assert at_rate(ROWS_SCORES, 0.0) == pytest.approx(0.91)


def test_the_committed_weights_are_those_that_are_described():
    data = (MODELS / "ngrams.bin").read_bytes()
    assert len(data) < 1_000_000
    assert hashlib.sha256(data).hexdigest() == ABOUT["weights_sha256"]
    assert unpack(data).name == ABOUT["weights_sha256"][:16]


def test_the_committed_script_is_the_one_that_made_the_weights():
    assert script_digest() == ABOUT["script_sha256"], "the weights have to be made anew: make train DATA=..."


def test_words_are_no_part_of_the_script_and_code_is():
    worded = 'import math\n\n\ndef half(x):\n    """Halve."""\n    return x / 2  # a half\n'
    assert bare_code(worded) == bare_code(worded.replace("Halve", "Divide by two").replace("a half", "50 %"))
    assert bare_code(worded) != bare_code(worded.replace("x / 2", "x / 3"))


@pytest.mark.parametrize("name", ["weights_sha256", "script_sha256", "data_sha256"])
def test_the_card_states_the_digests(name: str):
    assert ABOUT[name] in CARD


def test_views_and_features_are_those_that_the_weights_were_made_for():
    model = unpack((MODELS / "ngrams.bin").read_bytes())
    assert {text: round(_margin(model, text), 3) for text in ABOUT["margins"]} == ABOUT["margins"]
