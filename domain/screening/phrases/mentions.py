"""Mentions of attacks: a phrase that is quoted and discussed is a mention, not a use.

A heuristic, and a model may still follow a mention: so a mention counts a little, and several count more.
"""

import re
from dataclasses import dataclass

from domain.text.view import View

MENTION_WEIGHT = 0.3
CONDUCT_WEIGHT = 0.2
"""Weight of a phrase that a system message forbids or foresees."""

_REACH = 90
_SPOKEN_OF = re.compile(
    r"\b(?:explain|describe|discuss|define|what(?:'s|\s(?:is|are|does|do))|why\s(?:is|are|do|does)|how\s(?:is|are|do|does|"
    r"can|to|would|should)|mean(?:s|ing|t)?|examples?|such\sas|called|known\sas|phrases?|terms?|strings?|sentences?|"
    r"patterns?|attacks?|injections?|jailbreaks?|detect\w{0,4}|defend|prevent|block|filter|flag|classify|recogni[sz]e|mitigate|"
    r"mentions?|quotes?|translat\w{1,4}|articles?|papers?|essays?|lessons?|tests?|say(?:s|ing)?|said|reports?|reported|"
    r"films?|movies?|novels?|scenes?|villains?|subtitles?|lyrics|headlines?|slogans?|manuals?|runbooks?|handbooks?|"
    r"documentation|tickets?|logs?|reads|titled|entitled|spell(?:ing)?|proofread|grammar|rewrite|rephrase)\b"
)
_SPOKEN_OF_ELSEWHERE = re.compile(
    r"\b(?:erklar\w{1,3}|was\s(?:ist|heisst|bedeutet|meint)|bedeute\w{1,3}|ubersetz\w{1,3}|satz|spruch|angriffe?n?|film|"
    r"roman|bericht|handbuch|expli(?:que|quer|ca|car|quez|ci)|signifi(?:e|ent|ca|cano|cam)|veut\sdire|quiere\sdecir|vuol\sdire|"
    r"quer\sdizer|tradui\w{1,4}|traduc\w{1,4}|traduz\w{0,4}|phrase|frase|attaques?|ataques?|attacchi?o?|pelicula|rapport|"
    r"informe|manuel|betekent|vertaal|betyder|oversett?|oversaet|znaczy|oznacza|przetlumacz|znamena|preloz|означа\w{1,4}|"
    r"значит|переведи\w{0,2}|перевод|фраз\w{1,2}|атак\w{1,3}|jelent|forditsd|inseamna|anlamin\w{1,3}|cevir\w{0,3})\b"
    r"|ne\sdemek|意味|意思|翻訳|翻译|翻譯|解释|解釋|解説|번역|의미|뜻|攻撃|攻击|攻擊|공격|मतलब|अर्थ|अनुवाद|معنى|ترجم|یعنی"
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
_MEANS = re.compile(
    r"['\"]{1,2}\s(?:means?|mean|is\s(?:an?|the)\s(?:phrase|example|typical|classic|sentence|quote)|in\s[a-z]{4,12}\b)"
)
_CONDUCT = re.compile(
    r"\b(?:never|not|n't|cannot|refuse|decline|reject|resist|beware|if|when|whenever|even|should\s(?:a|the|any)\suser|users?\s(?:may|might|"
    r"can|will|try|tries|ask|asks|attempt)|attempts?|trying|requests?|asks?|asked|instruct(?:s|ed)|tell(?:s)?|claims?|such\sas|like|e\.g|"
    r"including|patterns?|examples?|nie|niemals|nicht|wenn|falls|jamais|ne|si|nunca|mai|nao|nooit|als|nigdy|никогда|если|不要|不得|如果|"
    r"決して|もし|만약|절대)\b[^.!?\n]{0,120}\Z|(?:不要|不得|如果|決して|もし|만약|절대)[^。!?\n]{0,60}\Z"
    r"|(?:patterns|examples|phrases|such\sas|like|following|attempts|requests)[^.!?]{0,20}:[^.!?]{0,120}\Z"
)
_HOW_TO_SAY = re.compile(
    r"\b(?:how\s(?:do|would|can|does|should)\s(?:you|i|we|one)\s(?:say|write|translate|spell)|translate|wie\s(?:sagt|schreibt)\sman"
    r"|comment\s(?:dit-on|dire|on\sdit)|como\s(?:se\sdice|se\sdiz|digo)|come\ssi\sdice|hoe\szeg\sje|как\s(?:сказать|будет))\s[^\n.?!]{0,60}\Z"
)
_IN_LANGUAGE = re.compile(
    r"[^\n.?!]{0,60}?\b(?:in(?:to)?|to|auf|ins|en|em|au|al|a|по|на)\s(?:english|french|german|spanish|italian|portuguese|dutch|polish|"
    r"russian|japanese|chinese|korean|arabic|hindi|turkish|latin|englisch|franzosisch|deutsch|spanisch|italienisch|anglais|"
    r"francais|allemand|espagnol|ingles|frances|aleman|espanol|inglese|francese|tedesco|engels|frans|duits|английск\w{1,3}|"
    r"англиискии|русском)\b"
)
_OPENING = re.compile(r"(?:^|[\s(\[:,]|(?<=[\u3040-\u9fff\uac00-\ud7a3]))(['\"\u300c\u300e\u2039])[^'\"\n]{0,60}\Z")
_CLOSING = {"\u300c": "\u300d", "\u300e": "\u300f", "\u2039": "\u203a"}


@dataclass(frozen=True, slots=True)
class Hit:
    """A match in a view, and True for a mention."""

    start: int
    end: int
    mention: bool


def is_conduct(view: View, start: int) -> bool:
    """Return True if a system message forbids or foresees the phrase at ``start``."""
    return bool(_CONDUCT.search(view.text[max(0, start - 2 * _REACH) : start]))


def is_mention(view: View, start: int, end: int) -> bool:
    """Return True if the stretch from ``start`` to ``end`` is mentioned rather than used."""
    before = view.text[max(0, start - _REACH) : start]
    after = view.text[end : end + _REACH]
    if _ATTACK_AFTER.match(after) or _ATTACK_BEFORE.search(before):
        return True
    if _IN_LANGUAGE.match(after) and _HOW_TO_SAY.search(before):
        return True
    opening = _OPENING.search(before)
    if not opening:
        return False
    mark = opening[1]
    closing = after.split("\n", 1)[0].find(_CLOSING.get(mark, mark))
    if closing < 0:
        return False
    around = view.text[max(0, start - 2 * _REACH) : start - len(before) + opening.start(1)][-_REACH:]
    behind = after[closing:]
    if _SPOKEN_OF.search(around) or _ATTACK_AFTER.match(behind):
        return True
    return bool(_SPOKEN_OF_ELSEWHERE.search(around) or _SPOKEN_OF_ELSEWHERE.search(behind) or _MEANS.match(behind))
