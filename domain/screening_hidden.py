"""The detector ``hidden_text``: what was sent to be read by the model and not by people."""

from collections.abc import Iterator

from domain.hidden_characters import Category, find_hidden
from domain.screening_detectors import Exchange, Inspection
from domain.screening_policy import ScreeningPolicy
from domain.verdicts import Decision, DetectorState, Finding


class HiddenText:
    """Text made to be read by the model and not by people, in what was sent, whoever says it and whatever it says.

    The sanitiser has removed it, so it can do no harm; that someone hid it is what a reviewer should know.
    """

    name = "hidden_text"
    _ZERO_WIDTH_RUN = 3
    _ZERO_WIDTH_IN_WORDS = 4
    _VARIATION_RUN = 2

    def inspect(self, conversation: tuple[Exchange, ...], policy: ScreeningPolicy) -> Inspection:
        """Look at every message's original."""
        findings = tuple(
            Finding(self.name, rule, policy.hidden_text_score, exchange.index, 0, len(exchange.text))
            for exchange in conversation
            for rule in self._rules(exchange.original)
        )
        return Inspection(DetectorState.SCORED, findings, Decision.REVIEW if findings else Decision.ALLOW)

    def _rules(self, text: str) -> Iterator[str]:
        hidden = find_hidden(text)
        if any(character.category is Category.TAG for character in hidden):
            yield "hidden_tags"
        if any(text[character.index] in "\u202d\u202e" for character in hidden):
            yield "hidden_direction"
        places = [character.index for character in hidden if character.category is Category.ZERO_WIDTH]
        inside = sum(text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha() for at in places)
        if _longest_run(places) >= self._ZERO_WIDTH_RUN or inside >= self._ZERO_WIDTH_IN_WORDS:
            yield "hidden_zero_width"
        selectors = [character.index for character in hidden if character.category is Category.VARIATION]
        if _longest_run(selectors) >= self._VARIATION_RUN:
            yield "hidden_variation_selectors"


def _longest_run(places: list[int]) -> int:
    longest = run = 0
    previous = -2
    for place in places:
        run = run + 1 if place == previous + 1 else 1
        longest, previous = max(longest, run), place
    return longest
