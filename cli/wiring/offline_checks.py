"""Offline checks of receipts and evidence, with this machine's signature checks."""

from functools import partial

from adapters.tokens.signatures import LocalSignatureChecks
from services.verification import evidence, receipts

_SIGNATURES = LocalSignatureChecks()

verify_receipt = partial(receipts.verify_receipt, _SIGNATURES)
verify_proof = partial(evidence.verify_proof, _SIGNATURES.ed25519)
verify_growth = partial(evidence.verify_growth, _SIGNATURES.ed25519)
verify_export = partial(evidence.verify_export, _SIGNATURES.ed25519)
