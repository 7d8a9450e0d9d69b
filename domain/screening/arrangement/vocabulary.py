"""English words of orders to a model."""

_VERBS = """
ignore ignoring disregard disregards forget override bypass overlook neglect discard abandon
drop erase nullify skip dismiss reveal show print repeat tell give output display share disclose pretend act respond
answer answering recite leak spell rephrase encode decode dump paste forward reply visit collect enter refuse refusing
recommend simulate comply throw approve transfer instruct lose break cancel mark say write start begin stop summarise
summarize type copy call
"""
_OBJECTS = """
instruction instructions rule rules prompt prompts guideline guidelines directive directives
directions command commands restriction restrictions limits limitations filters policies policy training programming
constraint constraints safeguards ethics morals laws context everything password secret passwords secrets system
orders key configuration attention character confidential document token priority access candidate score disclaimers
input debug mode admin administrator internal tokens conversation ai model
"""
_OTHERS = """
a account again against aligned all allowed also am an and answers any
anything api apply applicant approved are as aside assistant assistants at audit authorised authorized backwards
base64 be been before beginning begins being block bot bound by call can candidate cannot carry chatbot chatgpt code
complete configuration content continue copy current customer dan did do does doesn't don't each echo else email
emergency end enter ethical even every evil exact exactly existing false few fill finish first follow followed
following for forbidden former free freed from full given go hacked has have here hidden highest how i i'm i've if in
information initial instead instructed is it its jailbreak jailbroken just language let let's line llm longer
maintenance matter may me message messages moral must my need never new next no normal not note now obey of on once
one only openai opposite or original our out over owner page pass passphrase pay please poem polic preceding precisely
previous prior processing put question rate reading real regardless review reviewing root s safety said second
sentence set should so stop strictly sum summarise summarize sure sys take task tasks team test text that the their
then there these this those throw to told translate type uncensored under unfiltered unrestricted until up us use user
verbatim visit warn we were what whatever when which who will with without word words written yes you you're you've
your yours yourself above earlier about add away execute run delete send t
"""

VERBS = frozenset(_VERBS.split())
"""Verbs of orders. A text without one of them, or without an object, has no such order."""
OBJECTS = frozenset(_OBJECTS.split())
"""Objects of these verbs."""
WORDS = VERBS | OBJECTS | frozenset(_OTHERS.split())
"""All words that are kept."""
