"""docs/architecture.md: its picture is what the import contracts say, and the files that it names exist."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.paths import ROOT

TEXT = (ROOT / "docs" / "architecture.md").read_text()
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
_ARROW = re.compile(r' (-->|-\. "[^"]+" \.->) ')
_NODES = re.compile(r"[a-z_]+(?: & [a-z_]+)*")

Edge = tuple[str, str]


@dataclass
class Picture:
    """Arrows by the subgraph that they are in ("" for none); dotted ones of the whole picture."""

    solid: dict[str, set[Edge]] = field(default_factory=dict)
    dotted: set[Edge] = field(default_factory=set)


def parse(mermaid: str) -> Picture:
    """Read the part of Mermaid's flowchart syntax that the page uses; anything else is an error."""
    picture, graph = Picture(), ""
    first, *lines = [line.strip() for line in mermaid.strip().splitlines() if line.strip()]
    assert first == "flowchart TB", first
    for line in lines:
        if line.startswith("subgraph "):
            graph = line.removeprefix("subgraph ")
            continue
        if line == "end":
            graph = ""
            continue
        left, *rest = _ARROW.split(line)
        assert len(rest) == 2, line
        arrow, right = rest
        assert _NODES.fullmatch(left), line
        assert _NODES.fullmatch(right), line
        edges = {(one, other) for one in left.split(" & ") for other in right.split(" & ")}
        if arrow == "-->":
            picture.solid.setdefault(graph, set()).update(edges)
        else:
            picture.dotted |= edges
    return picture


def reached(edges: set[Edge], start: str) -> set[str]:
    """All nodes that arrows lead to."""
    found: set[str] = set()
    ahead = {start}
    while ahead:
        ahead = {other for one, other in edges if one in ahead} - found
        found |= ahead
    return found


def _contract(contracts: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    [found] = [contract for contract in contracts if contract["id"] == name]
    return found


def _layers(contract: Mapping[str, Any]) -> list[list[str]]:
    return [layer.split(" | ") for layer in contract["layers"]]


def _allowed(contracts: Sequence[Mapping[str, Any]], one: str, other: str) -> str:
    """Return True if a package may import a lower one: ``all`` of it, ``part`` or ``none``."""
    found = "all"
    for contract in contracts:
        if contract["type"] != "forbidden" or one not in contract["source_modules"]:
            continue
        excepted = any(
            line.startswith(f"{one}.") and f"-> {other}." in line for line in contract.get("ignore_imports", ())
        )
        for module in contract["forbidden_modules"]:
            if module == other and not excepted:
                return "none"
            if module == other or module.startswith(f"{other}."):
                found = "part"
    return found


def expected(contracts: Sequence[Mapping[str, Any]]) -> tuple[dict[str, dict[str, set[str]]], set[Edge]]:
    """Return the targets of solid arrows, by graph and node, and the dotted arrows."""
    layers = _layers(_contract(contracts, "layers"))
    whole: dict[str, set[str]] = {}
    part: set[Edge] = set()
    for place, layer in enumerate(layers):
        below = [name for lower in layers[place + 1 :] for name in lower]
        for one in layer:
            allowed = {other: _allowed(contracts, one, other) for other in below}
            whole[one] = {other for other, how in allowed.items() if how == "all"}
            part |= {(one, other) for other, how in allowed.items() if how == "part"}
    wings = _layers(_contract(contracts, "domain-wings"))
    domain = {
        one: {name for lower in wings[place + 1 :] for name in lower}
        for place, layer in enumerate(wings)
        for one in layer
    }
    return {"": whole, "domain": domain}, part


def differences(mermaid: str, contracts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Return the differences between the picture and the contracts."""
    picture = parse(mermaid)
    graphs, dotted = expected(contracts)
    if set(picture.solid) != set(graphs):
        yield f"graphs: {sorted(picture.solid)}"
    for graph, nodes in graphs.items():
        edges = picture.solid.get(graph, set())
        drawn = {node for edge in edges for node in edge}
        yield from (f"not in the contracts: {name}" for name in sorted(drawn - set(nodes)))
        for name, wanted in nodes.items():
            found = reached(edges, name)
            yield from (f"missing: {name} to {other}" for other in sorted(wanted - found))
            yield from (f"not allowed: {name} to {other}" for other in sorted(found - wanted))
    yield from (f"missing, dotted: {one} to {other}" for one, other in sorted(dotted - picture.dotted))
    yield from (f"not allowed, dotted: {one} to {other}" for one, other in sorted(picture.dotted - dotted))


def drawn() -> str:
    """The page's one picture."""
    [mermaid] = re.findall(r"```mermaid\n(.*?)```", TEXT, re.DOTALL)
    return mermaid


def absent(text: str) -> list[str]:
    """Files and folders that a text names, in backticks, and that do not exist."""
    named = re.findall(r"`([\w.-]*(?:/[\w.-]*)+|[\w-]+\.(?:py|md|yml|toml))`", text)
    paths = [name for name in named if not name.startswith("/")]
    assert paths
    return [path for path in paths if not (ROOT / path).exists() or path.endswith("/") != (ROOT / path).is_dir()]


def test_the_picture_shows_what_the_contracts_allow() -> None:
    assert list(differences(drawn(), CONTRACTS)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "difference"),
    [
        ("activities --> services", "activities --> services & adapters", "not allowed: activities to adapters"),
        ("embedded --> adapters", "worker --> adapters", "missing: embedded to adapters"),
        ("adapters --> config", "config --> adapters", "not allowed: config to adapters"),
        ("adapters --> config", "adapters --> config & services", "not allowed: adapters to services"),
        ("services --> domain", "services --> config", "not allowed: services to config"),
        ('-. "contracts only" .->', "-->", "missing, dotted: workflows to activities"),
        ("embedded --> adapters", 'embedded -. "a part" .-> adapters', "not allowed, dotted: embedded to adapters"),
        ("text --> budgets & transparency", "text --> budgets", "missing: text to transparency"),
        ("records --> access", "access --> records", "not allowed: access to records"),
        ("records --> access", "records --> access & money", "not in the contracts: money"),
    ],
)
def test_a_wrong_picture_is_noticed(right: str, wrong: str, difference: str) -> None:
    assert right in drawn()
    assert difference in list(differences(drawn().replace(right, wrong), CONTRACTS))


@pytest.mark.parametrize(
    ("contract", "added", "difference"),
    [("layers", "money", "missing: api to money"), ("domain-wings", "streams", "missing: policy to streams")],
)
def test_a_changed_contract_is_noticed(contract: str, added: str, difference: str) -> None:
    changed = [
        {**found, "layers": [*found["layers"], added]} if found["id"] == contract else found for found in CONTRACTS
    ]
    assert difference in list(differences(drawn(), changed))


@pytest.mark.parametrize(
    "line", ["api --> worker --> config", "api ==> worker", "api[the API] --> worker", "style api"]
)
def test_what_the_parser_does_not_know_is_an_error(line: str) -> None:
    with pytest.raises(AssertionError):
        parse(f"flowchart TB\n  {line}\n")


def test_the_files_and_folders_that_the_page_names_exist() -> None:
    assert absent(TEXT) == []


def test_a_file_that_does_not_exist_is_noticed() -> None:
    wrong = "`/v1` `api/main.py` `api/nowhere.py` `api/main.py/` `api` `nothing.toml` `services/`"
    assert absent(wrong) == ["api/nowhere.py", "api/main.py/", "nothing.toml"]


def test_each_usual_kind_of_change_has_its_row() -> None:
    rows = re.findall(r"(?m)^\| (an? [^|]+) \| .+ \|$", TEXT.partition("## What a change touches")[2])
    wanted = ("route", "refusal", "event", "role", "provider", "wire format", "detector", "sink", "setting", "command")
    assert [word for word in wanted if not any(word in row for row in rows)] == []
