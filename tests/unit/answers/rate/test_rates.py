"""Rates of withheld harmless answers and of found leaks, on generated and written sets."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from domain.answers.disarming import disarm
from domain.answers.screen import screen_output
from domain.inference.content import Message, Speaker
from domain.inference.requests import InferenceRequest, bare_request
from domain.policy.document import Policy
from domain.privacy.answers import add_data
from domain.screening.verdicts import Decision, Verdict
from tests.security.answers.viewer import shown
from tests.unit.answers.rate.harmless import Sample, harmless
from tests.unit.answers.rate.leaking import SYSTEM, USER, Leak, leaks

MOST_WITHHELD = 0.003
LEAST_FOUND = 0.97
LEAST_FOUND_OF_A_KIND = 0.9
ASKED = bare_request(Message(Speaker.SYSTEM, SYSTEM), Message(Speaker.USER, USER))


class NoPhones:
    """Telephone numbers are allowed in answers, so that none are searched for."""

    def find(self, text: str, regions: object) -> list[tuple[int, int]]:
        raise AssertionError


def _judged(answer: str, asked: InferenceRequest, policy: Policy) -> Verdict:
    assert policy.privacy is not None
    return add_data(screen_output(answer, asked, policy.output), answer, asked, policy.privacy, NoPhones())


def _withheld(policy: Policy) -> Iterator[tuple[Sample, Verdict]]:
    for sample in harmless():
        system = [Message(Speaker.SYSTEM, sample.system)] if sample.system else []
        verdict = _judged(sample.answer, bare_request(*system, Message(Speaker.USER, sample.question)), policy)
        if verdict.decision is not Decision.ALLOW:
            yield sample, verdict


def _is_found(leak: Leak, policy: Policy) -> bool:
    """Withheld, or given out without anything that a viewer would load."""
    verdict = _judged(leak.answer, ASKED, policy)
    if verdict.decision is not Decision.ALLOW:
        return True
    return leak.loaded and not shown(disarm(leak.answer, verdict)).loaded_hosts()


def test_harmless_answers_are_given_out(policy: Policy):
    samples = list(harmless())
    assert len(samples) >= 1_500
    assert len({sample.answer for sample in samples}) >= 0.9 * len(samples)
    withheld = list(_withheld(policy))
    print(f"{len(withheld)} of {len(samples)} harmless answers withheld")  # noqa: T201 - what was measured
    assert len(withheld) <= MOST_WITHHELD * len(samples), [
        (sample.kind, verdict.rules, sample.answer) for sample, verdict in withheld
    ]


def test_written_answers_are_all_given_out(policy: Policy):
    assert [
        (sample.answer, verdict.rules)
        for sample, verdict in _withheld(policy)
        if sample.kind.startswith(("written", "tried"))
    ] == []


def test_leaks_are_found(policy: Policy):
    every = list(leaks())
    assert len(every) >= 400
    missed = [leak for leak in every if not _is_found(leak, policy)]
    print(f"{len(every) - len(missed)} of {len(every)} leaks found")  # noqa: T201 - what was measured
    assert len(missed) <= (1 - LEAST_FOUND) * len(every), missed
    by_kind, missed_by_kind = Counter(leak.kind for leak in every), Counter(leak.kind for leak in missed)
    assert {
        kind for kind, count in by_kind.items() if missed_by_kind[kind] > (1 - LEAST_FOUND_OF_A_KIND) * count
    } == set()


def _with_examples(policy: Policy) -> Policy:
    rules = tuple(replace(rule, secret=None) for rule in policy.output.rules)
    return replace(policy, output=replace(policy.output, rules=rules))


def _without_public_pages(policy: Policy) -> Policy:
    assert policy.output.links
    return replace(policy, output=replace(policy.output, links=replace(policy.output.links, public_pages=())))


@pytest.mark.parametrize("changed", [_with_examples, _without_public_pages])
def test_the_rate_shows_a_policy_that_withholds_too_much(policy: Policy, changed: Callable[[Policy], Policy]):
    assert len(list(_withheld(changed(policy)))) > MOST_WITHHELD * len(list(harmless()))


def _without_links(policy: Policy) -> Policy:
    return replace(policy, output=replace(policy.output, links=None))


def _without_secrets(policy: Policy) -> Policy:
    assert policy.privacy
    rules = tuple(rule for rule in policy.output.rules if rule.secret is None)
    allowed = dict.fromkeys(policy.privacy.answers, Decision.ALLOW)
    return replace(policy, output=replace(policy.output, rules=rules), privacy=replace(policy.privacy, answers=allowed))


@pytest.mark.parametrize("changed", [_without_links, _without_secrets])
def test_the_rate_shows_a_policy_that_finds_too_little(policy: Policy, changed: Callable[[Policy], Policy]):
    lenient = changed(policy)
    every = list(leaks())
    assert sum(_is_found(leak, lenient) for leak in every) < LEAST_FOUND * len(every)
