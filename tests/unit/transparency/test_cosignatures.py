"""Cosignatures: the format to the byte, and nothing that does not hold is taken."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.tokens.signatures import ed25519_holds
from domain.transparency.checkpoints import (
    Checkpoint,
    LogFormatError,
    Signature,
    Unproven,
    VerifierKey,
    key_id,
    signed_note,
    vkey,
)
from domain.transparency.cosignatures import (
    cosigned,
    cosigned_message,
    cosigner_id,
    cosigner_vkey,
    parse_cosigner,
    parse_size,
    submission,
)

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey("witness.example/w1", PRIVATE.public_key().public_bytes_raw())
TEXT = Checkpoint("log.example/acme", 3, bytes(32)).text()
NOTE = signed_note(TEXT, [Signature("log.example/acme", b"1234", bytes(64))])


def line(time: int = 1_679_315_147, *, text: str = TEXT, name: str = KEY.name, cut: int = 0) -> str:
    made = time.to_bytes(8, "big") + PRIVATE.sign(cosigned_message(text, time))
    whole = cosigner_id(name, KEY.public_key) + made
    return f"\u2014 {name} {base64.b64encode(whole[: len(whole) - cut]).decode()}\n"


def test_what_is_signed_is_as_in_the_specification() -> None:
    assert cosigned_message("a\n1\nb\n", 1_679_315_147) == b"cosignature/v1\ntime 1679315147\na\n1\nb\n"


def test_a_submission_is_as_in_the_specification() -> None:
    sibling = base64.b64encode(bytes(32)).decode()
    assert submission(7, [bytes(32)], NOTE) == f"old 7\n{sibling}\n\n{NOTE}".encode()
    assert submission(0, [], NOTE).startswith(b"old 0\n\nlog.example/acme\n")


def test_a_cosignature_is_taken_and_the_lines_of_others_are_not() -> None:
    other = f"\u2014 other.example {base64.b64encode(bytes(76)).decode()}\n"
    assert cosigned(NOTE, other + line(), KEY, ed25519_holds) == line()


@pytest.mark.parametrize(
    "answer",
    [
        line(text=TEXT.replace("3", "4")),
        line(0),
        line(cut=1),
        line(name="another.example"),
        line().replace("w1 ", "w2 "),
    ],
)
def test_one_that_does_not_hold_is_not(answer: str) -> None:
    with pytest.raises(Unproven):
        cosigned(NOTE, answer, KEY, ed25519_holds)


@pytest.mark.parametrize("answer", ["", "<html>", line()[:-1], f"\n{line()}", f"{line()}\n"])
def test_an_answer_that_is_no_signature_lines_is_not(answer: str) -> None:
    with pytest.raises(LogFormatError):
        cosigned(NOTE, answer, KEY, ed25519_holds)


def test_verifier_keys_are_read_as_they_are_written_and_of_their_type_only() -> None:
    assert parse_cosigner(cosigner_vkey(KEY)) == KEY
    assert cosigner_id(KEY.name, KEY.public_key) != key_id(KEY.name, KEY.public_key)
    for wrong in (vkey(KEY.name, KEY.public_key), cosigner_vkey(KEY).replace("w1", "w2"), "x", "x+y+z"):
        with pytest.raises(LogFormatError):
            parse_cosigner(wrong)


def test_sizes_are_decimal_numbers_and_end_in_a_newline() -> None:
    assert parse_size("20852163\n") == 20_852_163
    for wrong in ("", "1", "01\n", "-1\n", "1\n\n", " 1\n", "x\n"):
        with pytest.raises(LogFormatError):
            parse_size(wrong)
