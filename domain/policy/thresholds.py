"""Thresholds by kind of text and length, and exemptions, read from the policy."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from domain.access.principals import require_tenant
from domain.inference.content import TextKind
from domain.policy.reader import PolicyError, Section
from domain.refusals import Refusal
from domain.screening.detectors import ONNX
from domain.screening.policy import Exemption, OnnxPolicy, RiskBands, Thresholds, Treatment
from domain.screening.verdicts import Mode

_MAX_LENGTH = 10_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_KINDS = tuple(kind.value for kind in TextKind)
_MODES = tuple(mode.value for mode in Mode)


def read_treatment(section: Section) -> Treatment:
    """Parse ``mode`` and ``thresholds``, which must name every kind of text.

    Raises:
        PolicyError: at the first error.
    """
    return Treatment(Mode(section.choice("mode", _MODES)), _thresholds(section.section("thresholds"), {}))


def read_bands(section: Section) -> RiskBands:
    """Parse the scores of a raised and a high risk.

    Raises:
        PolicyError: at the first error.
    """
    with section:
        bands = RiskBands(section.number("raised", 0.01, 1), section.number("high", 0.01, 1))
        if bands.raised > bands.high:
            raise PolicyError(section.path("raised"), "must not be above high")
        return bands


def read_exemptions(section: Section, common: Treatment, models: frozenset[str]) -> Iterator[Exemption]:
    """Parse the optional list ``exceptions``. Omitted members of an entry are as for everyone else.

    Raises:
        PolicyError: at the first error.
    """
    for entry in section.sections("exceptions") if "exceptions" in section else ():
        with entry:
            if "tenants" not in entry and "models" not in entry:
                raise PolicyError(entry.where, "must name tenants, models or both")
            if "mode" not in entry and "thresholds" not in entry:
                raise PolicyError(entry.where, "must change the mode, thresholds or both")
            yield Exemption(_tenants(entry), _models(entry, models), _changed(entry, common))


def read_onnx(section: Section) -> OnnxPolicy | None:
    """Parse ``onnx``, for the detector with that name.

    Raises:
        PolicyError: at the first error.
    """
    if "onnx" not in section and ONNX not in section.texts("detectors"):
        return None
    with section.section("onnx") as onnx:
        for name in ("model_sha256", "tokenizer_sha256"):
            if not _SHA256.match(onnx.text(name)):
                raise PolicyError(onnx.path(name), "must be a SHA-256 of 64 hexadecimal digits in lower case")
        return OnnxPolicy(
            model_sha256=onnx.text("model_sha256"),
            tokenizer_sha256=onnx.text("tokenizer_sha256"),
            label=onnx.whole("label", 0, 1_000),
            window_tokens=onnx.whole("window_tokens", 16, 8_192),
            most_windows=onnx.whole("most_windows", 1, 1_000),
            least=onnx.number("least", 0, 1),
        )


def _changed(entry: Section, common: Treatment) -> Treatment:
    mode = Mode(entry.choice("mode", _MODES)) if "mode" in entry else common.mode
    if "thresholds" not in entry:
        return Treatment(mode, common.thresholds)
    return Treatment(mode, _thresholds(entry.section("thresholds"), common.thresholds))


def _tenants(entry: Section) -> frozenset[str] | None:
    if "tenants" not in entry:
        return None
    names = entry.texts("tenants")
    for index, name in enumerate(names):
        try:
            require_tenant(name)
        except Refusal as refusal:
            raise PolicyError(f"{entry.path('tenants')}.{index}", refusal.detail) from refusal
    return frozenset(names)


def _models(entry: Section, known: frozenset[str]) -> frozenset[str] | None:
    if "models" not in entry:
        return None
    names = entry.texts("models")
    for index, name in enumerate(names):
        if name not in known:
            raise PolicyError(f"{entry.path('models')}.{index}", "is not the alias of a model")
    return frozenset(names)


def _thresholds(
    section: Section, common: Mapping[TextKind, tuple[Thresholds, ...]]
) -> Mapping[TextKind, tuple[Thresholds, ...]]:
    with section:
        named = [kind for kind in TextKind if kind.value in section or kind not in common]
        if common and not any(kind.value in section for kind in TextKind):
            raise PolicyError(section.where, f"must name a kind of text: {', '.join(_KINDS)}")
        return MappingProxyType({**common, **{kind: tuple(_lengths(section, kind.value)) for kind in named}})


def _lengths(section: Section, kind: str) -> Iterator[Thresholds]:
    """Yield the thresholds of a kind of text, by increasing length."""
    entries = section.sections(kind)
    shorter = 0
    for entry in entries:
        with entry:
            last = entry is entries[-1]
            if last and "up_to" in entry:
                raise PolicyError(entry.path("up_to"), "must be omitted: the last entry covers all longer texts")
            up_to = None if last else entry.whole("up_to", 1, _MAX_LENGTH)
            if up_to is not None and up_to <= shorter:
                raise PolicyError(entry.path("up_to"), "must be greater than in the entry before")
            shorter = up_to or shorter
            review, block = entry.number("review", 0.01, 1), entry.number("block", 0.01, 1)
            if review > block:
                raise PolicyError(entry.path("review"), "must not be above block")
            yield Thresholds(review, block, up_to)
