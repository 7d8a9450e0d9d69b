"""Plaintext is for loopback only: every address in the settings passes through here. The rule is the SDK's."""

from assay_temporal.transport import is_loopback, require_private_transport

__all__ = ["is_loopback", "require_private_transport"]
