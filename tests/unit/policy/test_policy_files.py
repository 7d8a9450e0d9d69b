"""The policy as files: strict YAML, errors that name the file and the key, one document whatever the files' layout."""

import shutil
from pathlib import Path

import pytest

from adapters.system.policy_files import load_policy_document
from domain.inference.content import TextKind
from domain.policy.document import PolicyError, parse_policy
from tests.unit.conftest import POLICIES


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the shipped policies, to be spoiled."""
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_document_depends_on_the_content_alone(directory: Path, policy_document: bytes):
    limits = directory / "limits.yaml"
    limits.write_text("# a comment\n" + limits.read_text().replace("limit: 60", "limit:    60"))
    assert load_policy_document(directory, {}) == policy_document
    _replace(limits, "limit:    60", "limit: 61")
    assert load_policy_document(directory, {}) != policy_document


def test_a_process_says_where_its_providers_are(directory: Path):
    document = load_policy_document(directory, {"local": "http://127.0.0.1:9/v1"})
    assert parse_policy(document).models["smollm2"].base_url == "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("url", ["http://model.example/v1", "https://u:p@model.example/v1", "nonsense"])
def test_a_place_from_the_settings_is_checked_as_one_from_the_file(directory: Path, url: str):
    with pytest.raises(PolicyError) as refused:
        load_policy_document(directory, {"local": url})
    assert refused.value.where == "models.yaml: models.0.base_url"


def test_a_place_for_no_provider_is_refused(directory: Path):
    with pytest.raises(PolicyError, match="provider_urls: 'lokal'"):
        load_policy_document(directory, {"lokal": "http://127.0.0.1:9/v1"})


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "what"),
    [
        ("limits.yaml", "quota:", "quotas:", "limits.yaml: quota", "missing"),
        ("limits.yaml", "tenants: {}", "tenants: {}\nextra: 1", "limits.yaml: extra", "unknown"),
        ("limits.yaml", "  limit: 60", "  limit: 60\n  limit: 1000", "limits.yaml", "duplicate key 'limit'"),
        ("limits.yaml", "limit: 60", "limit: ten", "limits.yaml: rate.limit", "whole number"),
        ("limits.yaml", "tenants: {}", "tenants: {1: {}}", "limits.yaml", "a key must be a string"),
        ("limits.yaml", "tenants: {}", "tenants: &x {}\ny: *x", "limits.yaml", "YAML aliases are not allowed"),
        ("limits.yaml", "tenants: {}", "tenants: !!python/object:os.system {}", "limits.yaml", "constructor"),
        ("limits.yaml", "tenants: {}", "tenants: {", "limits.yaml", "not valid"),
        ("limits.yaml", "tenants: {}", "tenants: {}\n---\na: 1", "limits.yaml", "not valid"),
        ("models.yaml", "input_price: 0", "input_price: .nan", "", "JSON"),
        ("models.yaml", "upstream: smollm2", "upstream: 2026-01-01", "", "JSON"),
        ("models.yaml", "fallbacks: []", "fallback: []", "models.yaml: models.0.fallback", "unknown"),
        (
            "screening.yaml",
            "[rules, normaliser, ngrams, unasked, arrangement]",
            "[rules, oracle]",
            "screening.yaml: detectors",
            "unknown",
        ),
        ("screening.yaml", "rules, normaliser, ngrams, unasked, arrangement", "", "screening.yaml: detectors", "empty"),
        ("screening.yaml", "pretexts, paraphrases]", "others]", "screening.yaml: rule_sets.prompt", "unknown"),
        (
            "rules/tutorial.yaml",
            "[Execute the query.]",
            "[Run.]",
            "rules/tutorial.yaml: rules.1.matches.0",
            "not match",
        ),
        ("rules/tutorial.yaml", "score: 0.9", "score: 9", "rules/tutorial.yaml: rules.0.score", "from 0.01"),
        ("output.yaml", "words: 12", "word: 12", "output.yaml: leaked_system_prompt.words", "missing"),
    ],
)
def test_an_error_names_its_file_and_key(directory: Path, file: str, old: str, new: str, where: str, what: str):
    _replace(directory / file, old, new)
    with pytest.raises(PolicyError) as refused:
        load_policy_document(directory, {})
    assert refused.value.where == (where or str(directory))
    assert what in refused.value.what


@pytest.mark.parametrize("file", ["limits.yaml", "models.yaml", "screening.yaml", "output.yaml"])
def test_a_file_that_is_missing_or_empty_is_refused(directory: Path, file: str):
    (directory / file).write_text("")
    with pytest.raises(PolicyError, match=file):
        load_policy_document(directory, {})
    (directory / file).unlink()
    with pytest.raises(PolicyError, match=file):
        load_policy_document(directory, {})


def test_a_file_that_is_no_utf8_is_refused(directory: Path):
    (directory / "limits.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError, match=r"limits\.yaml"):
        load_policy_document(directory, {})


def test_no_rules_at_all_are_refused(directory: Path):
    shutil.rmtree(directory / "rules")
    with pytest.raises(PolicyError, match="rule_sets"):
        load_policy_document(directory, {})


def test_the_phrases_of_simple_guards_can_be_switched_on(directory: Path):
    sets = "english, jailbreaks, documents, other_languages, more_languages, overrides, demands, pretexts, paraphrases"
    shipped = f"prompt: [{sets}]"
    _replace(directory / "screening.yaml", shipped, "prompt: [tutorial]")
    policy = parse_policy(load_policy_document(directory, {}))
    assert [rule.name for rule in policy.screening.rules[TextKind.PROMPT].rules] == [
        "phrase_ignore_previous",
        "phrase_execute",
        "phrase_system",
    ]
