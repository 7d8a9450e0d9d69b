"""Policy files: YAML edited by an operator, converted to the canonical document that a hash identifies."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from domain.policy.document import PolicyError, parse_policy
from domain.records.records import canonical

_SECTIONS = ("limits", "models", "screening", "output", "privacy")
_CONTENT = "content"
_RULES = "rules"


_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # libyaml is ten times as fast


class _StrictLoader(_Loader):  # type: ignore[misc, valid-type] # one of two classes with the same interface
    """Safe YAML without duplicate keys or merges; aliases are refused before."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a string", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key '{key}'", key_node.start_mark)
            seen.add(key)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def load_policy_document(directory: Path, provider_urls: Mapping[str, str]) -> bytes:
    """Read the policy's files, insert this process's provider addresses, and validate everything.

    ``provider_urls`` replaces the ``base_url`` of a provider's models, by the provider's name. The files are
    ``limits.yaml``, ``models.yaml``, ``screening.yaml``, ``output.yaml``, ``privacy.yaml`` and the rule sets in
    ``rules/``; ``content.yaml`` may be missing, as in the files of earlier releases.

    Raises:
        PolicyError: ``where`` is the file and the path in it.
    """
    document = {name: _read(directory / f"{name}.yaml") for name in _SECTIONS}
    if (directory / f"{_CONTENT}.yaml").exists():
        document[_CONTENT] = _read(directory / f"{_CONTENT}.yaml")
    rules = sorted((directory / _RULES).glob("*.yaml"))
    document[_RULES] = {path.stem: _read(path) for path in rules}
    _place_providers(document["models"], provider_urls)
    try:
        encoded = canonical(document)
        parse_policy(encoded)
    except (TypeError, ValueError, RecursionError) as error:
        raise PolicyError(str(directory), "contains a value that JSON can't represent, such as a date") from error
    except PolicyError as error:
        raise _in_file(error) from error
    return encoded


def with_providers(document: bytes, provider_urls: Mapping[str, str]) -> bytes:
    """Return a stored document with these base addresses of its providers; unknown providers are ignored."""
    found = json.loads(document)
    providers = {entry["provider"] for entry in found["models"]["models"]}
    _place_providers(found["models"], {name: url for name, url in provider_urls.items() if name in providers})
    return canonical(found)


def _read(path: Path) -> Any:  # noqa: ANN401 - whatever YAML holds; parse_policy checks it
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(path.name, "can't be read as a UTF-8 file") from error
    try:
        for event in yaml.parse(text, _Loader):
            if isinstance(event, yaml.AliasEvent):
                mark: Any = event.start_mark  # of either parser
                raise yaml.constructor.ConstructorError(None, None, "YAML aliases are not allowed", mark)
        return yaml.load(text, _StrictLoader)  # noqa: S506 - a SafeLoader, made stricter
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise PolicyError(path.name, f"is not valid: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return type(error).__name__


def _place_providers(models: Any, provider_urls: Mapping[str, str]) -> None:  # noqa: ANN401 - not checked yet
    entries = models.get("models") if isinstance(models, dict) else None
    found: set[str] = set()
    for entry in entries if isinstance(entries, list) else ():
        provider = entry.get("provider") if isinstance(entry, dict) else None
        if isinstance(provider, str) and provider in provider_urls:
            entry["base_url"] = provider_urls[provider]
            found.add(provider)
    for provider in sorted(set(provider_urls) - found):
        raise PolicyError("provider_urls", f"'{provider}' is not the provider of any model in models.yaml")


def _in_file(error: PolicyError) -> PolicyError:
    """Return the error with its path by file: ``rules.english.rules.0`` is in ``rules/english.yaml``."""
    section, _, rest = error.where.partition(".")
    if section == _RULES:
        name, _, rest = rest.partition(".")
        section = f"{_RULES}/{name}" if name else _RULES
    where = ": ".join(part for part in (f"{section}.yaml" if section else "", rest) if part)
    return PolicyError(where, error.what)
