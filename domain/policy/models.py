"""Available models, read from the policy's section ``models``."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from domain.inference.models import DEFAULT_TIMEOUTS, ModelEntry, ModelParameters, ModelTimeouts, Wire
from domain.inference.run_lengths import LONGEST_MODEL_CALL, MODELS_TOTAL, all_attempts
from domain.policy.model_requests import read_headers, read_key_header, read_query
from domain.policy.reader import PolicyError, Section

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}\Z")
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
_KEY_PATH = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}(?:/[a-z0-9][a-z0-9_-]{0,63}){0,7}\Z")
_MAX_PRICE = 1_000_000.0
_MAX_CONNECT = 60.0
_LIMITS = ("max_tokens", "max_completion_tokens")
_FORMATS: Final[Mapping[str, Wire]] = MappingProxyType(
    {"openai": Wire.OPENAI_CHAT, "anthropic": Wire.ANTHROPIC_MESSAGES}
)
_END_USERS = ("user", "safety_identifier")
_NEWER_LIMIT_HOSTS = (
    *("api.openai.com", "openai.azure.com"),
    *("services.ai.azure.com", "cognitiveservices.azure.com"),
)
"""Hosts whose newer models accept ``max_completion_tokens`` alone, and those below them.

Compatible servers all accept ``max_tokens``, and some ignore the newer name, which would leave the answer unlimited.
"""
_SAMPLES_ITSELF = re.compile(r"(?:[a-z]+/)?(?:o[1-9](?![0-9a-z])|gpt-5(?!.*chat))")
"""Upstream names of OpenAI's reasoning models, which refuse calls with parameters of sampling."""


@dataclass(frozen=True, slots=True)
class Models:
    """Models by alias, and their fallback aliases."""

    entries: Mapping[str, ModelEntry]
    fallbacks: Mapping[str, tuple[str, ...]]


def read_models(section: Section, call_seconds: float) -> Models:
    """Parse the section. ``call_seconds`` is the total time-out of models without one.

    Raises:
        PolicyError: at the first error.
    """
    entries: dict[str, ModelEntry] = {}
    fallbacks: dict[str, tuple[str, ...]] = {}
    with section:
        models = section.sections("models")
        for model in models:
            with model:
                entry = _entry(model, call_seconds)
                if entry.alias in entries:
                    raise PolicyError(model.path("alias"), f"'{entry.alias}' is already the alias of another model")
                entries[entry.alias] = entry
                fallbacks[entry.alias] = model.texts("fallbacks", may_be_empty=True) if "fallbacks" in model else ()
    for model, (alias, others) in zip(models, fallbacks.items(), strict=True):
        for other in others:
            if other not in entries or other == alias:
                raise PolicyError(model.path("fallbacks"), f"'{other}' is not the alias of another model")
        asked = (entries[name].timeouts.total for name in (alias, *others))
        if sum((all_attempts(timedelta(seconds=total)) for total in asked), timedelta()) > MODELS_TOTAL:
            raise PolicyError(model.path("fallbacks"), "are too many: a run can't last until all have timed out")
    return Models(entries, fallbacks)


def _entry(model: Section, call_seconds: float) -> ModelEntry:
    upstream, base_url, wire = model.text("upstream", 200), _base_url(model, "base_url"), _wire(model)
    return ModelEntry(
        alias=_name(model, "alias", _ALIAS),
        provider=_name(model, "provider", _PROVIDER),
        upstream=upstream,
        base_url=base_url,
        key_path=_name(model, "key_path", _KEY_PATH),
        context_tokens=model.whole("context_tokens", 1, 100_000_000),
        input_price=model.number("input_price", 0, _MAX_PRICE),
        output_price=model.number("output_price", 0, _MAX_PRICE),
        wire=wire,
        timeouts=_timeouts(model, call_seconds),
        accepts=_accepts(model, base_url, upstream, own_format=wire is Wire.ANTHROPIC_MESSAGES),
        headers=read_headers(model),
        query=read_query(model),
        key_header=read_key_header(model),
    )


def _wire(model: Section) -> Wire:
    """Parse the wire format: ``format``, or ``wire`` in older policies."""
    if "format" in model and "wire" in model:
        raise PolicyError(model.path("wire"), "is the older name of 'format': give one of them")
    if "format" in model:
        return _FORMATS[model.choice("format", tuple(_FORMATS))]
    return Wire(model.choice("wire", tuple(Wire))) if "wire" in model else Wire.OPENAI_CHAT


def _accepts(model: Section, base_url: str, upstream: str, *, own_format: bool) -> ModelParameters:
    """Parse the accepted parameters. Defaults follow from the host, and from the names of known reasoning models.

    ``own_format``: Anthropic's, in which every model takes images and an effort.
    """
    host = urlsplit(base_url).hostname or ""
    newer = any(host == known or host.endswith("." + known) for known in _NEWER_LIMIT_HOSTS)
    sampling = _SAMPLES_ITSELF.match(upstream) is None
    with model.section("accepts") if "accepts" in model else Section({}, model.path("accepts")) as own:
        return ModelParameters(
            limit=own.choice("limit", _LIMITS) if "limit" in own else _LIMITS[newer],
            temperature=own.flag("temperature") if "temperature" in own else sampling,
            top_p=own.flag("top_p") if "top_p" in own else sampling,
            seed=own.flag("seed") if "seed" in own else True,
            stop=own.flag("stop") if "stop" in own else sampling,
            images=own.flag("images") if "images" in own else own_format,
            penalties=own.flag("penalties") if "penalties" in own else sampling,
            logit_bias=own.flag("logit_bias") if "logit_bias" in own else newer and sampling,
            effort=own.flag("effort") if "effort" in own else not sampling or own_format,
            verbosity=own.flag("verbosity") if "verbosity" in own else newer and not sampling,
            cache_key=own.flag("cache_key") if "cache_key" in own else newer,
            end_user=_end_user(own, "safety_identifier" if newer else None),
        )


def _end_user(own: Section, default: str | None) -> str | None:
    """Parse the name of the member that takes the hash of a user's identifier."""
    if "end_user" not in own:
        return default
    name = own.choice("end_user", ("none", *_END_USERS))
    return None if name == "none" else name


def _timeouts(model: Section, call_seconds: float) -> ModelTimeouts:
    """Parse the model's time-outs; ``total`` is the maximum of each."""
    with model.section("timeouts") if "timeouts" in model else Section({}, model.path("timeouts")) as own:
        total = own.number("total", 1, LONGEST_MODEL_CALL.total_seconds()) if "total" in own else call_seconds
        return ModelTimeouts(
            connect=_part(own, "connect", min(total, _MAX_CONNECT), DEFAULT_TIMEOUTS.connect),
            total=total,
            first_token=_part(own, "first_token", total, total),
            idle=_part(own, "idle", total, total),
        )


def _part(own: Section, name: str, most: float, default: float) -> float:
    return own.number(name, 0.1, most) if name in own else min(default, most)


def _name(model: Section, member: str, form: re.Pattern[str]) -> str:
    value = model.text(member)
    if not form.match(value):
        raise PolicyError(model.path(member), f"must have the form {form.pattern.removesuffix(chr(92) + 'Z')}")
    return value


def _base_url(model: Section, member: str) -> str:
    """Parse a provider's address: no plaintext over a network, no credentials or query."""
    value, where = model.text(member), model.path(member)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise PolicyError(where, "is not a URL") from error
    if parts.scheme not in ("http", "https") or not host or any(char.isspace() for char in value):
        raise PolicyError(where, "must be an http or https URL with a host")
    if "@" in parts.netloc:
        raise PolicyError(where, "must not contain credentials")
    if "?" in value or "#" in value:
        raise PolicyError(where, "must not have a query or a fragment")
    if parts.scheme == "http" and not _is_loopback(host):
        raise PolicyError(where, "must be https, except on loopback")
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
