"""Estimates of token counts without the model's tokeniser, for reservations and unreported usage.

Meant to exceed the count of byte-pair tokenisers. Against one of 49k entries, on 1,500 prompts of many kinds, the
median estimate was 1.6 times the count, and 1.7 % were below it, by a quarter at most; random letters can take twice as
many tokens. Actual usage is settled later, so a high estimate only reserves budget for a while.
"""

import re
from collections.abc import Iterable

from domain.inference.requests import Message

MESSAGE_OVERHEAD = 8
"""Tokens of a chat template for one message: its markers, its role, line breaks."""

CONVERSATION_OVERHEAD = 24
"""Tokens that a template may add itself: the answer's opening, a default system message."""

_LETTERS_PER_TOKEN = 3
_PIECES = re.compile(r"(?P<word>[A-Za-z]+)|(?P<space> +)|(?P<wide>[^\x00-\x7f]+)|(?P<single>[\x00-\x7f])", re.DOTALL)


def estimate_text_tokens(text: str) -> int:
    """Estimate the tokens of a text: three letters each, one per digit, sign and UTF-8 byte beyond ASCII.

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
    """Estimate the tokens of a conversation with a model's template."""
    return CONVERSATION_OVERHEAD + sum(MESSAGE_OVERHEAD + estimate_text_tokens(message.content) for message in messages)
