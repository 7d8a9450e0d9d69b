"""Screening policy, as values. Read by ``domain/policy/screening.py``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from domain.inference.content import TextKind
from domain.screening.literals import Clause, Index
from domain.screening.phrases.lexicons import Lexicon, LexiconIndex, index_of
from domain.screening.phrases.syntax import LazyPattern
from domain.screening.verdicts import Decision, Mode, WithoutReviewers


@dataclass(frozen=True, slots=True)
class Rule:
    """A named pattern and its confidence, 0 to 1. It matches the normalised view of a text.

    ``needs`` are clauses (``literals``): the pattern can match only texts that meet all of them. ``parts`` are the rule
    with one alternative of the pattern each (``alternatives``), if it is worth trying them separately.
    """

    name: str
    score: float
    pattern: re.Pattern[str] | LazyPattern
    needs: tuple[Clause, ...] = ()
    parts: tuple["Rule", ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules and lexicons for a kind of text, with indexes that select those to try."""

    rules: tuple[Rule, ...] = ()
    lexicons: tuple[Lexicon, ...] = ()
    tried: tuple[Rule, ...] = field(init=False, compare=False)
    index: Index = field(init=False, compare=False)
    terms: LexiconIndex = field(init=False, compare=False)

    def __post_init__(self) -> None:
        tried = tuple(part for rule in self.rules for part in rule.parts or (rule,))
        object.__setattr__(self, "tried", tried)
        object.__setattr__(self, "index", Index(rule.needs for rule in tried))
        object.__setattr__(self, "terms", index_of(self.lexicons))

    @property
    def is_empty(self) -> bool:
        """Return True if there is nothing to judge by."""
        return not self.rules and not self.lexicons

    def candidates(self, text: str) -> Iterator[Rule]:
        """Yield the rules, or parts of them, that may match, in order; others can't."""
        return (self.tried[place] for place in self.index.candidates(text))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Minimum scores of a review and of a block. They apply up to a number of code points."""

    review: float
    block: float
    up_to: int | None = None


@dataclass(frozen=True, slots=True)
class RiskBands:
    """Minimum scores of a raised and of a high risk."""

    raised: float
    high: float


@dataclass(frozen=True, slots=True)
class Treatment:
    """Decisions for scores. ``thresholds`` are by kind of text, in bands of increasing length; the last is open."""

    mode: Mode
    thresholds: Mapping[TextKind, tuple[Thresholds, ...]]

    def thresholds_of(self, kind: TextKind, length: int) -> Thresholds:
        """Return the thresholds for a text of that kind with that many code points."""
        bands = self.thresholds[kind]
        return next((band for band in bands if band.up_to is None or length <= band.up_to), bands[-1])


@dataclass(frozen=True, slots=True)
class Exemption:
    """Separate treatment for some tenants, some models, or both; None means all of them."""

    tenants: frozenset[str] | None
    models: frozenset[str] | None
    treatment: Treatment

    def covers(self, tenant: str, model: str) -> bool:
        """Return True if it applies to that tenant's requests to that model."""
        return (self.tenants is None or tenant in self.tenants) and (self.models is None or model in self.models)


@dataclass(frozen=True, slots=True)
class OnnxPolicy:
    """Required model of the detector ``onnx``, and its interpretation.

    Attributes:
        model_sha256: of ``model.onnx``, hexadecimal.
        tokenizer_sha256: of ``tokenizer.json``, hexadecimal.
        label: index of "attack" among the model's labels.
        window_tokens: tokens that the model reads at once; longer texts are read in windows that overlap by a quarter.
        most_windows: of one message; the rest is not scanned.
        least: a lower probability is no finding.
    """

    model_sha256: str
    tokenizer_sha256: str
    label: int
    window_tokens: int
    most_windows: int
    least: float


@dataclass(frozen=True, slots=True)
class ScreeningPolicy:
    """Policy for screening prompts.

    Attributes:
        detectors: names of the detectors that must run, none twice, at least one.
        treatments: decisions for scores; of several, the severest counts. At least one.
        exemptions: exceptions. The first that covers a request applies.
        bands: minimum scores of a raised and of a high risk.
        max_scanned_chars: maximum number of code points of a conversation that are read; more is a separate finding.
        hidden_text_score: score of hidden text.
        rules: enabled rules by kind of text; none for an omitted kind.
        removed_characters: visible characters that sanitising removes, so that detectors ignore them as well.
        ngram_model: name of the classifier's model that the thresholds were made for.
        onnx: the operator's model; None without one.
        without_reviewers: effect of a review while reviews are not enabled, of prompts and of answers.
        images: decision for attachments of users, which no detector reads.
        tool_images: decision for attachments in the results of tools.
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
    without_reviewers: WithoutReviewers = WithoutReviewers.REFUSE
    images: Decision = Decision.REVIEW
    tool_images: Decision = Decision.REVIEW

    def for_request(self, tenant: str, models: tuple[str, ...]) -> "ScreeningPolicy":
        """Return the policy for a tenant's request.

        ``models`` are all that may answer it, fallbacks included: text that one of them must not see must not reach it
        as a fallback.
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
