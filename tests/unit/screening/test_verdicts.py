"""Verdicts name their rules, and quote nothing."""

from domain.screening.verdicts import Decision, Finding, RiskBand, Verdict


def test_rules_are_named_once_in_order():
    findings = tuple(Finding("rules", rule, 0.5, index) for index, rule in enumerate(["b", "a", "b"]))
    assert Verdict(Decision.REVIEW, 0.75, RiskBand.RAISED, findings).rules == ("b", "a")


def test_a_verdict_without_findings_names_none():
    assert Verdict(Decision.ALLOW, 0.0, RiskBand.LOW).rules == ()
