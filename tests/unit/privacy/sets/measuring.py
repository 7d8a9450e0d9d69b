"""Rates of the shipped policy on the sets. ``python -m tests.unit.privacy.sets.measuring`` writes them to the document."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from adapters.screening.phone_numbers import LibPhoneNumbers
from adapters.system.policy_files import load_policy_document
from domain.policy.document import parse_policy
from domain.privacy.finding import find
from domain.privacy.policy import DataKind, Found, PrivacyPolicy
from domain.text.compatibility import compatibility_view
from domain.text.view import View
from tests.paths import ROOT
from tests.unit.privacy.sets.answers import ANSWERS, put_back_into
from tests.unit.privacy.sets.logs import LINES, filled
from tests.unit.privacy.sets.texts import harmless, real

DOCUMENT = ROOT / "docs/privacy.md"
_TABLE = re.compile(r"(<!-- figures -->\n).*?(<!-- end of figures -->)", re.DOTALL)
_SEARCHES = LibPhoneNumbers()
LONG = 31_000


@dataclass(slots=True)
class Rate:
    """Number of texts, and those that were not as they should be, with their groups."""

    texts: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, group: str, text: str, *, right: bool) -> None:
        self.texts += 1
        if not right:
            self.wrong[group] += 1
            self.examples.append(text)

    @property
    def share(self) -> float:
        """Share of wrong texts."""
        return self.wrong.total() / self.texts


def shipped() -> PrivacyPolicy:
    """Return the policy for secrets and personal data in ``policies/``."""
    policy = parse_policy(load_policy_document(ROOT / "policies", {})).privacy
    assert policy is not None
    return policy


def search(policy: PrivacyPolicy, text: str) -> list[Found]:
    """Return the values in a text, which is read as the stages read it."""
    view = compatibility_view(View(text))
    found = find(view.text, tuple(DataKind), policy, _SEARCHES.begin())
    return [Found(value.kind, *view.span(value.start, value.end)) for value in found]


def touched(policy: PrivacyPolicy, seed: str = "harmless") -> Rate:
    """Count the harmless texts in which anything is found."""
    rate = Rate()
    for group, text in harmless(seed):
        rate.add(group, text, right=not search(policy, text))
    return rate


def missed(policy: PrivacyPolicy, seed: str = "real") -> Rate:
    """Count the values of which a part is not found."""
    rate = Rate()
    for planted in real(seed):
        found = {at for value in search(policy, planted.text) for at in range(value.start, value.end)}
        start = planted.text.index(planted.value)
        rate.add(planted.group, planted.text, right=found.issuperset(range(start, start + len(planted.value))))
    return rate


def refused(policy: PrivacyPolicy) -> Rate:
    """Count the long logs and tables with findings, or searched in part."""
    rate = Rate()
    for name, maker in LINES.items():
        text = filled(maker, LONG)
        rate.add(name, text, right=not search(policy, text))
    return rate


def left(policy: PrivacyPolicy) -> Rate:
    """Count the answers in which a placeholder stays."""
    rate = Rate()
    for group, answer in ANSWERS:
        restored = put_back_into(answer, policy, _SEARCHES.begin())
        rate.add(group, restored, right="_1_" not in restored)
    return rate


_ROWS: tuple[tuple[str, Callable[[PrivacyPolicy], Rate], str], ...] = (
    ("harmless look-alikes: anything found", touched, "{0.texts} texts, {1} families"),
    ("texts with a value: any part of it missed", missed, "{0.texts} values, 30 countries"),
    ("logs and tables of 31,000 characters: refused, or anything found", refused, "{0.texts} kinds"),
    ("answers: a placeholder stays", left, "{0.texts} answers"),
)


def table() -> str:
    """Return the table of figures in Markdown."""
    policy = shipped()
    families = len({group for group, _ in harmless()})
    rows = ["| measure | set | of these |", "|---|---|---|"]
    for name, measure, of in _ROWS:
        rate = measure(policy)
        rows.append(f"| {name} | {of.format(rate, families)} | {rate.wrong.total()} ({100 * rate.share:.2f} %) |")
    return "\n".join(rows) + "\n"


def examples(rate: Rate) -> Iterator[str]:
    """Yield what a failing test shows."""
    yield str(rate.wrong.most_common(8))
    yield from (text[:200] for text in rate.examples[:8])


if __name__ == "__main__":
    DOCUMENT.write_text(_TABLE.sub(lambda found: found[1] + table() + found[2], DOCUMENT.read_text("utf-8")), "utf-8")
