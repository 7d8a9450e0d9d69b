"""``assay audit verify-proof``, ``verify-consistency``, ``verify-export``: offline verification of evidence files.

Exit code 0: it holds. 1: it is broken. 2: it can't be read, or the call is wrong. 3: fetch the keys again.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cli.output import UNKNOWN_KEY, JsonFlag, Output
from cli.wiring import offline_checks
from domain.transparency.checkpoints import LogFormatError, VerifierKey, parse_vkey
from services.verification.evidence import Found

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]


def _key(text: str) -> VerifierKey:
    try:
        return parse_vkey(text)
    except LogFormatError as error:
        raise typer.BadParameter(str(error)) from None


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise typer.BadParameter("must be hexadecimal") from None


Keys = Annotated[
    list[VerifierKey],
    typer.Option(
        "--key",
        parser=_key,
        metavar="VKEY",
        help="The log's verifier key, as returned by GET /v1/audit/key. Repeatable.",
    ),
]


def verify_proof(
    proof: File,
    record_digest: Annotated[
        bytes, typer.Option(parser=_digest, metavar="HEX", help="SHA-256 of the record, hexadecimal.")
    ],
    key: Keys,
    as_json: JsonFlag = False,
) -> None:
    """Verify offline that a record is in a log, by its tlog-proof."""
    out = Output(as_json)
    _tell(out, offline_checks.verify_proof(_text(out, proof), record_digest, key))


def verify_consistency(old: File, new: File, proof: File, key: Keys, as_json: JsonFlag = False) -> None:
    """Verify offline that checkpoint NEW extends OLD. PROOF is the output of /v1/audit/consistency."""
    out = Output(as_json)
    _tell(out, offline_checks.verify_growth(_text(out, old), _text(out, new), _text(out, proof), key))


def verify_export(export: File, key: Keys, as_json: JsonFlag = False) -> None:
    """Verify offline that an export's records are those of the signed log: none changed, omitted or inserted."""
    out = Output(as_json)
    with export.open("rb") as lines:
        _tell(out, offline_checks.verify_export(lines, key))


def _text(out: Output, path: Path) -> str:
    try:
        return path.read_bytes().decode()  # unchanged: reading text would change line ends
    except UnicodeDecodeError:
        raise out.fail(f"{path} is not a text file", 2) from None


def _tell(out: Output, found: Found) -> None:
    parts = (str(value) if name == "why" else f"{name} {value}" for name, value in found.items() if name != "verdict")
    text = f"{found['verdict']}: {', '.join(parts)}"
    out.value(
        found, escape(text if text.isprintable() else ascii(text))
    )  # evidence may quote characters that control a terminal
    if found["verdict"] != "holds":
        raise typer.Exit(UNKNOWN_KEY if found["verdict"] == "unknown key" else 1)
