"""Guards read a request's texts by the walk of ``domain.inference.texts``, never by loops of their own."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest

from domain.inference.texts import TEXT_FIELDS
from tests.paths import ROOT

GUARDS = ("domain/text", "domain/privacy", "domain/screening", "domain/answers", "adapters/screening")
ITSELF = {"messages", "content", "tools", "tool_choice", "response_format"}
ALSO_ELSEWHERE = {"text", "name", "stop"}  # names that a guard's own values have as well
HOLDERS = (ITSELF | {field for item in TEXT_FIELDS for field in TEXT_FIELDS[item]}) - ALSO_ELSEWHERE
ADDS_A_TEXT = {"domain/answers/canary.py": {"messages", "content"}}
FILES = sorted(path for folder in GUARDS for path in (ROOT / folder).rglob("*.py"))


def read_apart(source: str) -> set[str]:
    """The fields that hold texts, or items with texts, as far as a source reads them itself."""
    return {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)} & HOLDERS


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_guard_reads_texts_by_the_walk_alone(path: Path):
    assert read_apart(path.read_text()) <= ADDS_A_TEXT.get(str(path.relative_to(ROOT)), set())


def test_a_loop_of_its_own_would_be_found():
    assert read_apart("for m in request.messages:\n    look(m.content)\n    look(m.content[0].arguments)") == {
        "messages",
        "content",
        "arguments",
    }


def test_the_guards_are_there_and_the_fields_exist():
    assert len(FILES) > 30
    assert all(fields(item) for item in TEXT_FIELDS)
