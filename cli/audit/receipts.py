"""``assay audit verify``: offline verification of a receipt."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.output import UNKNOWN_KEY, JsonFlag, Output
from cli.wiring.offline_checks import verify_receipt
from domain.transparency.checkpoints import LogFormatError, parse_vkey
from services.verification.receipts import ReceiptInvalid, ReceiptUndecided


def verify(
    receipt: Annotated[
        Path, typer.Argument(help="JSON of a run, or its receipt, as returned by the API.", exists=True)
    ],
    keys: Annotated[Path, typer.Option(help="JWKS file, from /.well-known/jwks.json.", exists=True)],
    request: Annotated[
        Path | None, typer.Option(help="JSON of the request, to check that the receipt commits to it.")
    ] = None,
    proof: Annotated[
        Path | None, typer.Option(help="A tlog-proof of its record, if the receipt came without one.", exists=True)
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="The log's verifier key, as returned by GET /v1/audit/key. Repeatable.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Verify a receipt offline: its signature, its commitments to request and answer, and its proof if present."""
    out = Output(as_json)
    try:
        document, jwks = _json(receipt), _json(keys)
        sent = _json(request) if request else None
        text = proof.read_bytes().decode() if proof else None
    except ValueError:
        raise out.fail("a file does not have the expected format", 2) from None
    try:
        log_keys = [parse_vkey(vkey) for vkey in key or ()]
        if text is not None and not log_keys:
            raise out.fail("--proof requires the log's --key")
        claims = verify_receipt(document, jwks, sent, proof=text, log_keys=log_keys)
    except ReceiptUndecided as error:
        raise out.fail(f"unknown key: {escape(str(error))}: fetch the keys again", UNKNOWN_KEY) from None
    except (ReceiptInvalid, LogFormatError) as error:
        raise out.fail(f"broken: {escape(str(error))}") from None
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise out.fail(f"broken: can't be read ({type(error).__name__})") from None
    what = f"{claims['outcome']}, run {claims['sub']}, event {claims['jti']}; checked {claims['checked']}"
    out.value(claims, f"{claims['verdict']}: {what}")


def _json(path: Path) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(path.read_bytes())
