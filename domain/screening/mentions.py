"""Mentions of attacks: a phrase that is quoted and discussed is a mention, not a use.

A heuristic, and a model may still follow a mention: so a mention counts half, and two of them count fully.
"""

import re

from domain.text.view import View

MENTION_WEIGHT = 0.5

_REACH = 90
_SPOKEN_OF = re.compile(
    r"\b(?:explain|describe|discuss|define|what(?:'s|\s(?:is|are|does|do))|why\s(?:is|are|do|does)|how\s(?:is|are|do|does|"
    r"can|to|would|should)|mean(?:s|ing|t)?|examples?|such\sas|called|known\sas|phrases?|terms?|strings?|sentences?|"
    r"attacks?|injections?|jailbreaks?|detect\w{0,4}|defend|prevent|block|filter|flag|classify|recogni[sz]e|mitigate|"
    r"mentions?|quotes?|translat\w{1,4}|articles?|papers?|essays?|lessons?|tests?|say(?:s|ing)?|erklare?|was\sist|"
    r"expli(?:que|quer|ca|car)|bedeutet)\b"
)
_ATTACK_AFTER = re.compile(
    r"['\"]{0,2}[\s-](?:style\s|type\s|kind\sof\s)?"
    r"(?:attack|injection|jailbreak|phrase|trick|technique|attempt|exploit|angriff|attaque|ataque)"
)
_ATTACK_BEFORE = re.compile(
    r"(?:\b(?:attempts?|attacks?|injections?|jailbreaks?|prompts?|phrases?|attackers?)\s"
    r"(?:to|that|which|like|such\sas|saying|says|(?:that\s)?(?:try|tries|trying)\sto|(?:that\s)?mentions?)"
    r"|\b(?:tell|tells|telling|ask|asks|asking|trick|tricks|tricking|instruct|instructs|get|gets|make|makes|cause|causes)\s"
    r"(?:it|them|(?:the|an?|your|our)\s(?:language\s)?(?:model|ai|llm|assistant|chatbot|bot|system))\s(?:to|into))"
    r"\s['\"]{0,2}(?:please\s)?\Z"
)
_OPENING = re.compile(r"(?:^|[\s(\[:])(['\"])[^'\"\n]{0,60}\Z")


def is_mention(view: View, start: int, end: int) -> bool:
    """Return True if the stretch from ``start`` to ``end`` is mentioned rather than used."""
    before = view.text[max(0, start - _REACH) : start]
    after = view.text[end : end + _REACH]
    if _ATTACK_AFTER.match(after) or _ATTACK_BEFORE.search(before):
        return True
    opening = _OPENING.search(before)
    if not opening:
        return False
    closing = after.split("\n", 1)[0].find(opening[1])
    if closing < 0:
        return False
    around = view.text[max(0, start - 2 * _REACH) : start - len(before) + opening.start(1)]
    return bool(_SPOKEN_OF.search(around[-_REACH:]) or _ATTACK_AFTER.match(after[closing:]))
