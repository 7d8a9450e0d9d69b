"""The detector ``rules``: named patterns on the normalised view of messages."""

from collections.abc import Iterator

from domain.inference.content import TextKind
from domain.screening.detectors import NOT_SCANNED, Inspection, ScreenedText
from domain.screening.phrases.mentions import CONDUCT_WEIGHT, MENTION_WEIGHT, Hit, is_conduct, is_mention
from domain.screening.policy import Rule, RuleSet, ScreeningPolicy
from domain.screening.verdicts import Decision, DetectorState, Finding
from domain.text.view import View


class Rules:
    """Named patterns and lexicons on the normalised view of messages, by kind of text.

    A kind without rules is not judged: by default the application's own system messages, whose purpose is to give
    instructions. Unread text is a separate finding.
    """

    name = "rules"
    apart = True

    def inspect(self, conversation: tuple[ScreenedText, ...], policy: ScreeningPolicy) -> Inspection:
        """Find each rule at most once in a text. Of one text the finding with the highest score comes first."""
        findings: list[Finding] = []
        read = False
        for exchange in conversation:
            known = policy.rules.get(exchange.kind)
            if known is None or known.is_empty:
                continue
            read = True
            findings.extend(sorted(self._judge(exchange, known), key=_falling))
            if not exchange.is_whole:
                findings.append(exchange.finding(self.name, NOT_SCANNED, 0.0, exchange.scanned, exchange.length))
        if any(finding.rule == NOT_SCANNED for finding in findings):
            return Inspection(DetectorState.NOT_SCANNED, tuple(findings), Decision.REVIEW)
        return Inspection(DetectorState.SCORED if read else DetectorState.NOT_APPLICABLE, tuple(findings))

    def _judge(self, exchange: ScreenedText, known: RuleSet) -> Iterator[Finding]:
        view = exchange.normalised.view
        best: dict[str, tuple[float, Hit]] = {}
        for rule in known.candidates(view.text):
            hit = find(rule, view)
            if hit and (rule.name not in best or _comes_first(hit, best[rule.name][1])):
                best[rule.name] = rule.score, hit
        found = [(score, name, hit) for name, (score, hit) in best.items()]
        found += ((phrase.score, phrase.lexicon.name, phrase.hit) for phrase in known.terms.hits(view))
        for score, name, hit in found:
            if not hit.mention or not any(_covers(score, hit, *other) for other in found):
                yield self._finding(exchange, name, score, hit)

    def _finding(self, exchange: ScreenedText, rule: str, score: float, hit: Hit) -> Finding:
        view = exchange.normalised.view
        weight = MENTION_WEIGHT if hit.mention else 1.0
        if exchange.kind is TextKind.SYSTEM and is_conduct(view, hit.start):
            weight = CONDUCT_WEIGHT
        return exchange.finding(self.name, rule, score * weight, *view.span(hit.start, hit.end))


def _falling(finding: Finding) -> float:
    return -finding.score


def _covers(score: float, hit: Hit, more: float, _: str, other: Hit) -> bool:
    """Test for a stronger mention of the same words: one quotation counts once."""
    return other.mention and more > score and hit.start < other.end and other.start < hit.end


def _comes_first(hit: Hit, other: Hit) -> bool:
    return (hit.mention, hit.start) < (other.mention, other.start)


def find(rule: Rule, view: View) -> Hit | None:
    """Return the first use of a rule's phrase; else its first mention; else None."""
    mentioned: Hit | None = None
    for match in rule.pattern.finditer(view.text):
        if match.start() == match.end():
            continue
        if not is_mention(view, *match.span()):
            return Hit(*match.span(), mention=False)
        mentioned = mentioned or Hit(*match.span(), mention=True)
    return mentioned
