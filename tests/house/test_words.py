"""English and names in the field's terms: counts of private idioms may only fall."""

from pathlib import Path

import pytest

from tests.house import words

LOWER = (
    "say it in the field's terms (docs/concepts.md has a glossary); numbers are lowered by: python -m tests.house.words"
)
WRONG = {
    "away: unavailable": "The vault is away.",
    "let in, let out: registered, permitted, revoked": "A team that is let in.",
    "of ours: Assay's, internal": "Something of ours failed.",
    "stranger: untrusted client, unverified run": "Whatever a stranger sends.",
    "hears of it: receives, is called with": "The model hears nothing of it.",
    "tells: returns, reports": "The file that tells of a process.",
    "nobody: no one, none": "The run before it is proven: nobody's.",
    "stands for, stands in: is, represents": "The problem that a kind stands for.",
    "lies in: is in": "Where the archive lies at rest, it lies in a bucket.",
    "datum: value": "The datum in its place again.",
    "is none: is not one, is invalid": "A name that no key can have: it is none.",
    "does not hold: is invalid": "The signature does not hold.",
    "goes on: continues": "The run goes on.",
    "anew: again": "Computed anew.",
    "may be had: available": "A review, which can't be had here.",
    "reckon, heed: count, check": "Reckon the time.".lower(),
}


def test_idioms_and_long_or_unnamed_first_sentences_do_not_increase():
    assert words.exceeded(words.counted(), words.limits()) == [], LOWER


def test_no_two_classes_of_the_product_share_a_name():
    assert words.duplicate_classes(words.product()) == {}


def test_every_idiom_is_found():
    assert WRONG.keys() == words.IDIOMS.keys()
    for name, text in WRONG.items():
        assert words.in_text(text)[name], name


def test_the_field_s_own_words_are_no_idioms():
    text = "The database is unavailable; the run continues. Return the value of the data subject, or None if missing."
    assert not words.in_text(text)


@pytest.mark.parametrize(
    ("docstring", "name"),
    [
        ("What goes in.", "a clause as a name"),
        ("Whether it is proven.", "a clause as a name"),
        (" ".join(["word"] * 16) + ". Short.", "a first sentence of more than 15 words"),
        (" ".join(["word"] * 15) + ". " + " ".join(["more"] * 30), None),
        ("Return the proof.", None),
    ],
)
def test_first_sentences_are_checked_where_docstrings_are(tmp_path: Path, docstring: str, name: str | None):
    for source in (f'"""{docstring}"""\n', f'def it():\n    """{docstring}"""\n', f'X = 1\n"""{docstring}"""\n'):
        (tmp_path / "module.py").write_text(source)
        counts = words.in_python([tmp_path / "module.py"])
        assert {found for found, count in counts.items() if count} == ({name} if name else set())


def test_strings_and_comments_count_as_well(tmp_path: Path):
    (tmp_path / "module.py").write_text('X = f"{1} is away"  # of ours\n')
    counts = words.in_python([tmp_path / "module.py"])
    assert counts["away: unavailable"] == counts["of ours: Assay's, internal"] == 1


def test_two_classes_of_one_name_are_found_with_their_files(tmp_path: Path):
    (tmp_path / "a.py").write_text("class Place: ...\n")
    (tmp_path / "b.py").write_text("class _Place: ...\n")
    assert words.duplicate_classes(sorted(tmp_path.iterdir())) == {"Place": [f"{tmp_path}/a.py", f"{tmp_path}/b.py"]}


def test_a_higher_count_is_reported_and_a_lower_one_lowers_its_limit():
    allowed = {"product": {"anew: again": 2, "datum: value": 1}}
    more = {"product": {"anew: again": 3}, "tests and tools": {"datum: value": 1}}
    assert words.exceeded(more, allowed) == [
        "product: anew: again: 3 times, at most 2",
        "tests and tools: datum: value: 1 times, at most 0",
    ]
    assert words.exceeded(allowed, allowed) == []
    assert words.lowered(more, allowed) == {"product": {"anew: again": 2}}
