"""What an operator decides about screening, as values. ``domain/policy/screening.py`` reads them from the policy."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from domain.inference.requests import TextKind
from domain.screening.literals import Clause, Index
from domain.screening.verdicts import Mode


@dataclass(frozen=True, slots=True)
class Rule:
    """A named pattern and how sure it is, 0 to 1. It matches on the normalised view of a text.

    ``needs`` are clauses (``screening_literals``): the pattern matches no text that does not meet all of them.
    """

    name: str
    score: float
    pattern: re.Pattern[str]
    needs: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules for a kind of text, with an index that tells which of them are worth trying on one."""

    rules: tuple[Rule, ...] = ()
    index: Index = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", Index(rule.needs for rule in self.rules))

    def candidates(self, text: str) -> Iterator[Rule]:
        """The rules that may match, in order: all others do not."""
        return (self.rules[place] for place in self.index.candidates(text))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores from which on a message is held for a review, or blocked. They hold for up to so many code points."""

    review: float
    block: float
    up_to: int | None = None


@dataclass(frozen=True, slots=True)
class RiskBands:
    """Scores from which on a run's risk is called raised, or high."""

    raised: float
    high: float


@dataclass(frozen=True, slots=True)
class Treatment:
    """What scores lead to. ``thresholds`` are by kind of text, in bands of rising length; the last has no limit."""

    mode: Mode
    thresholds: Mapping[TextKind, tuple[Thresholds, ...]]

    def thresholds_of(self, kind: TextKind, length: int) -> Thresholds:
        """What holds for a text of that kind, so many code points long."""
        bands = self.thresholds[kind]
        return next((band for band in bands if band.up_to is None or length <= band.up_to), bands[-1])


@dataclass(frozen=True, slots=True)
class Exemption:
    """A treatment of their own for some tenants, some models, or both; None stands for all of them."""

    tenants: frozenset[str] | None
    models: frozenset[str] | None
    treatment: Treatment

    def covers(self, tenant: str, model: str) -> bool:
        """Whether it is meant for that tenant's requests of that model."""
        return (self.tenants is None or tenant in self.tenants) and (self.models is None or model in self.models)


@dataclass(frozen=True, slots=True)
class OnnxPolicy:
    """Which model the detector ``onnx`` has to be, and how its answer is read.

    Attributes:
        model_sha256: of ``model.onnx``, hexadecimal.
        tokenizer_sha256: of ``tokenizer.json``, hexadecimal.
        label: the place of "attack" among the model's labels.
        window_tokens: tokens that the model reads at once; longer texts are read in windows that overlap by a quarter.
        most_windows: of one message; what is beyond is not scanned.
        least: a probability below this is no finding.
    """

    model_sha256: str
    tokenizer_sha256: str
    label: int
    window_tokens: int
    most_windows: int
    least: float


@dataclass(frozen=True, slots=True)
class ScreeningPolicy:
    """How prompts are screened.

    Attributes:
        detectors: names of the detectors that must run, none twice, at least one.
        treatments: what scores lead to; of several, the severest decision counts. At least one.
        exemptions: who is treated otherwise. The first that covers a request holds.
        bands: which scores are a raised or high risk.
        max_scanned_chars: code points of a conversation that are read; more is a finding of its own.
        hidden_text_score: the score of text that hides.
        rules: the rules that are switched on, by kind of text; none for a kind that is left out.
        removed_characters: visible characters that sanitising takes out, so that detectors read past them as well.
        ngram_model: the name of the classifier's model that the thresholds were made for.
        onnx: the model that the operator brings; None without one.
    """

    detectors: tuple[str, ...]
    treatments: tuple[Treatment, ...]
    exemptions: tuple[Exemption, ...]
    bands: RiskBands
    max_scanned_chars: int
    hidden_text_score: float
    rules: Mapping[TextKind, RuleSet]
    removed_characters: str = ""
    ngram_model: str = ""
    onnx: OnnxPolicy | None = None

    def for_request(self, tenant: str, models: tuple[str, ...]) -> "ScreeningPolicy":
        """The policy as it holds for a tenant's request.

        ``models`` are all that may come to answer it, fallbacks included: what one of them must not see does not get
        there by way of another.
        """
        if not self.exemptions:
            return self
        treatments: list[Treatment] = []
        for treatment in self._treatments(tenant, models):
            if treatment not in treatments:
                treatments.append(treatment)
        return replace(self, treatments=tuple(treatments))

    def _treatments(self, tenant: str, models: tuple[str, ...]) -> Iterator[Treatment]:
        for model in models:
            first = next((exempt for exempt in self.exemptions if exempt.covers(tenant, model)), None)
            yield from self.treatments if first is None else (first.treatment,)
