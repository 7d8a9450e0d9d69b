"""How many tokens a text may be, without the model's tokeniser: for reservations, and for usage that nobody reported.

Meant to be above the truth of byte-pair tokenisers. Against one of 49k entries, on 1,500 prompts of many kinds, it gave
1.6 times the truth in the median, and less than it for 1.7 % of them, by a quarter at most; letters at random can take
twice as many. What a request really used is settled later, so a high guess costs nothing but head-room for a while.
"""

import re
from collections.abc import Iterable

from domain.inference.requests import Message

MESSAGE_OVERHEAD = 8
"""Tokens that a chat template spends on one message: its markers, its role, line breaks."""

CONVERSATION_OVERHEAD = 24
"""Tokens that a template may add by itself: the answer's opening, a default system message."""

_LETTERS_PER_TOKEN = 3
_PIECES = re.compile(r"(?P<word>[A-Za-z]+)|(?P<space> +)|(?P<wide>[^\x00-\x7f]+)|(?P<single>[\x00-\x7f])", re.DOTALL)


def estimate_text_tokens(text: str) -> int:
    """Tokens of one text: three letters to a token, one for each digit and sign, one for each UTF-8 byte beyond ASCII.

    Never raises, also on unpaired surrogates. Pure and stable: a workflow may call it.
    """
    tokens = 0
    for piece in _PIECES.finditer(text):
        length = piece.end() - piece.start()
        if piece.lastgroup == "word":
            tokens += -(-length // _LETTERS_PER_TOKEN)
        elif piece.lastgroup == "wide":
            tokens += len(piece.group().encode("utf-8", "surrogatepass"))
        else:
            tokens += 1 if piece.lastgroup == "single" or length > 1 else 0
    return tokens


def estimate_tokens(messages: Iterable[Message]) -> int:
    """Tokens of a conversation as a model reads it, with its template."""
    return CONVERSATION_OVERHEAD + sum(MESSAGE_OVERHEAD + estimate_text_tokens(message.content) for message in messages)
