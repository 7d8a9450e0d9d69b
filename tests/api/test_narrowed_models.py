"""Every route that looks a model up names the models of the caller's API key."""

import ast

import pytest

from tests.paths import ROOT

LOOK_UPS = {"model": 3, "fallbacks": 3, "default_model": 2, "models_for": 2}
"""Methods of a policy, and their arguments with those of an API key."""
ANY_MODEL = {("api/access/key_routes.py", "models_for")}
"""The models that a new key may be narrowed to: its maker has an access token."""


def look_ups(source: str) -> list[tuple[str, int, int]]:
    """Return calls of a policy's look-ups: name, line, number of arguments."""
    return [
        (node.func.attr, node.lineno, len(node.args))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LOOK_UPS
        and "policy" in ast.unparse(node.func.value)
    ]


def test_every_look_up_is_narrowed():
    found = [
        (path.relative_to(ROOT).as_posix(), *call)
        for path in sorted((ROOT / "api").rglob("*.py"))
        for call in look_ups(path.read_text())
    ]
    assert len(found) >= 6
    assert [
        (path, name, line)
        for path, name, line, given in found
        if given < LOOK_UPS[name] and (path, name) not in ANY_MODEL
    ] == []


@pytest.mark.parametrize("source", ["pinned.policy.model(caller.tenant, model)", "policy.default_model(tenant)"])
def test_one_that_is_not_is_found(source: str):
    [(name, _, given)] = look_ups(source)
    assert given < LOOK_UPS[name]
