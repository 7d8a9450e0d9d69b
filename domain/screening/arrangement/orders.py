"""Orders in a rearranged text, by the rules with a score that suffices alone."""

from domain.screening.policy import RuleSet
from domain.screening.rules import find
from domain.screening.scores import SURE
from domain.text.view import View


def order_in(text: str, known: RuleSet) -> tuple[int, int] | None:
    """Return the place of a rule's first use in a text; None without one."""
    view = View(text)
    for rule in known.candidates(text):
        hit = find(rule, view) if rule.score >= SURE else None
        if hit is not None and not hit.mention:
            return hit.start, hit.end
    return None
