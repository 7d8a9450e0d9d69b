"""One way to authorise: outside the decider and its rules, no code judges by roles or asks the rules."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

PRODUCT = ("activities", "adapters", "api", "cli", "config", "domain", "embedded", "services", "worker", "workflows")
DECIDERS = {Path("services/access.py"), Path("domain/access/roles.py")}
RULES = {"RoleRules", "AccessRules", "_GRANTS"}
SET_METHODS = {"issubset", "issuperset", "isdisjoint", "intersection", "difference", "union", "__contains__", "count"}


def judgements(source: str) -> Iterator[tuple[int, str]]:
    """Places that judge by roles, or reach for the rules: line and reason."""
    for node in ast.walk(ast.parse(source)):
        for operand in _judged(node):
            yield operand.lineno, "judges by roles"
        match node:
            case ast.Call(func=ast.Attribute(attr="decide")):
                yield node.lineno, "asks rules itself"
            case ast.ImportFrom(names=names) if RULES & {name.name for name in names}:
                yield node.lineno, "imports rules"


def _judged(node: ast.AST) -> list[ast.expr]:
    """The roles on which the value of an expression, or the way of a statement, depends."""
    match node:
        case ast.Compare(left=left, comparators=others):
            return [operand for operand in (left, *others) if _is_roles(operand) or _names_roles(operand)]
        case ast.BinOp(op=ast.BitAnd() | ast.Sub(), left=left, right=right):
            return [operand for operand in (left, right) if _is_roles(operand) or _names_roles(operand)]
        case ast.Call(func=ast.Attribute(attr=name, value=value), args=args) if name in SET_METHODS:
            return [operand for operand in (value, *args) if _is_roles(operand)]
        case ast.Call(func=ast.Name(id="any" | "all" | "filter"), args=args):
            inner = (found for arg in args for found in ast.walk(arg) if isinstance(found, ast.expr))
            return [found for found in inner if _is_roles(found)]
        case _:
            return [operand for operand in _conditions(node) if _is_roles(operand)]


def _conditions(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
            return [test]
        case ast.BoolOp(values=values):
            return values
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return [operand]
        case ast.comprehension(iter=iterated, ifs=[_, *_]):
            return [iterated]
        case ast.Match(subject=subject):
            return [subject]
        case _:
            return []


def _is_roles(node: ast.expr) -> bool:
    """The roles of somebody, whatever they are copied into."""
    match node:
        case ast.Attribute(attr="roles") | ast.Name(id="roles"):
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset" | "tuple" | "list" | "known_roles"), args=[first]):
            return _is_roles(first)
        case _:
            return False


def _names_roles(node: ast.expr) -> bool:
    """``Role.ADMIN``, or a display that contains one."""
    return any(
        isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "Role"
        for inner in (node, *getattr(node, "elts", ()))
    )


def modules() -> list[Path]:
    return [path.relative_to(ROOT) for package in PRODUCT for path in sorted((ROOT / package).rglob("*.py"))]


def test_nothing_but_the_decider_and_its_rules_judges_by_roles():
    found = [
        f"{path}:{line} {reason}"
        for path in modules()
        if path not in DECIDERS
        for line, reason in judgements((ROOT / path).read_text())
    ]
    assert found == []


def test_the_deciders_are_looked_at_too():
    assert len(modules()) > 200
    assert all(list(judgements((ROOT / path).read_text())) for path in DECIDERS)


@pytest.mark.parametrize(
    "source",
    [
        "if Role.ADMIN in principal.roles: pass",
        "if principal.roles: pass",
        "x = 1 if principal.roles else 2",
        "x = not principal.roles",
        "x = principal.roles and go()",
        "assert principal.roles",
        "if role == Role.ADMIN: pass",
        "x = caller.roles & {Role.AUDITOR}",
        "x = {Role.AUDITOR} - caller.roles",
        "x = {Role.AUDITOR}.issubset(caller.roles)",
        "x = caller.roles.isdisjoint(wanted)",
        "x = any(action in grants[role] for role in principal.roles)",
        "x = [role for role in principal.roles if role in allowed]",
        "match principal.roles:\n    case _: pass",
        "x = 'admin' in set(submitter.roles)",
        "x = 'admin' in roles",
        "if known_roles(submitter.roles) >= wanted: pass",
        "await rules.decide(principal, action, resource)",
        "from domain.access.roles import RoleRules",
        "from domain.access.roles import _GRANTS as table",
    ],
)
def test_a_judgement_by_roles_is_noticed(source: str):
    assert list(judgements(source))


@pytest.mark.parametrize(
    "source",
    [
        "x = tuple(sorted(role.value for role in principal.roles))",
        "x = ' '.join(entry.roles)",
        "x = OutcomeFields(roles=submitter.roles)",
        "x = known_roles(claims['roles'])",
        "await access.require(principal, action, Resource(principal.tenant, ResourceKind.RUN))",
        "from domain.access.ports import AccessDecider",
        "from services.access import role_access",
    ],
)
def test_carrying_roles_is_no_judgement(source: str):
    assert not list(judgements(source))
