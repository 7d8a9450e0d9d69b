"""AppRole credentials: read from files, unwrapped once, used to log in. Values stay in this module's objects.

A response-wrapping token can be unwrapped once. If it was unwrapped by another process, someone else may have the
secret ID: that is logged as a security event, and the login stays impossible until the file contains a new token.
"""

import hashlib
import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, UnexpectedError

from assay_temporal.vault.calls import write
from assay_temporal.vault.client import AppRoleFiles, VaultPlace, new_client

_log = logging.getLogger(__name__)


class LoginImpossible(Exception):
    """The credentials are missing, used or rejected. The text has a remedy and no value."""


@dataclass(frozen=True, slots=True)
class VaultToken:
    """A token and its lifetime in seconds. ``renewable`` tokens are renewed, others are replaced by a new login."""

    value: str = field(repr=False)
    lease_seconds: float
    renewable: bool

    @classmethod
    def of(cls, answer: object) -> "VaultToken":
        """Parse the answer to a login or a renewal.

        Raises:
            UnexpectedError: if it has another form.
        """
        try:
            auth = cast("dict[str, dict[str, Any]]", answer)["auth"]
            return cls(str(auth["client_token"]), float(auth["lease_duration"]), bool(auth["renewable"]))
        except (KeyError, TypeError, ValueError):
            raise UnexpectedError("unusable answer to a login", method="post", url="") from None


class AppRoleLogin:
    """Logs in repeatedly with the secret ID that it unwrapped once. Blocking: call it in a thread."""

    def __init__(self, place: VaultPlace, approle: AppRoleFiles) -> None:
        self._place = place
        self._approle = approle
        self._secret_id: str | None = None
        self._one_at_a_time = threading.Lock()  # a caller may have abandoned a slow login, and returned
        self._rejected: bytes | None = None  # hash of the rejected file content

    def login(self) -> VaultToken:
        """Return a new token.

        Raises:
            LoginImpossible: until working credentials are in the files.
            VaultError, RequestException: Vault is unavailable; the same call may succeed later.
        """
        with self._one_at_a_time:
            return self._log_in()

    def _log_in(self) -> VaultToken:
        role_id = _read(self._approle.role_id_file, "role ID")
        content = _read(self._approle.secret_id_file, "secret ID")
        fingerprint = hashlib.sha256(content.encode()).digest()
        if self._secret_id is None:
            if fingerprint == self._rejected:
                raise LoginImpossible("the secret ID in the file was used or rejected: issue a new one")
            self._secret_id = self._unwrap(content, fingerprint) if self._approle.wrapped else content
        client = new_client(self._place, retry=False)
        try:
            answer = client.auth.approle.login(
                role_id, self._secret_id, use_token=False, mount_point=self._place.approle_mount
            )
        except (InvalidRequest, Forbidden):
            self._secret_id = None
            self._rejected = fingerprint
            raise LoginImpossible(
                "Vault rejects the AppRole credentials: issue a new secret ID, or check the mount"
            ) from None
        finally:
            client.adapter.close()
        return VaultToken.of(answer)

    def _unwrap(self, wrapping_token: str, fingerprint: bytes) -> str:
        client = new_client(self._place, wrapping_token, retry=False)
        role_prefix = f"auth/{self._place.approle_mount}/role/"
        try:
            info = write(client, "sys/wrapping/lookup", {"token": wrapping_token})
            path = str(info["creation_path"])
            if path.startswith(role_prefix) and path.endswith("/secret-id"):
                return str(write(client, "sys/wrapping/unwrap", {})["secret_id"])
        except (InvalidRequest, Forbidden, InvalidPath):
            pass  # used, expired, or never a token
        finally:
            client.adapter.close()
        self._rejected = fingerprint
        _log.warning(
            "vault.wrapping_token_rejected",
            extra={"security": True, "meaning": "used, expired, or not a secret ID's wrapping token"},
        )
        raise LoginImpossible(
            "the wrapping token of the secret ID was used or has expired: find out by whom, and issue a new one"
        )


def _read(path: Path | None, what: str) -> str:
    if path is None:
        raise LoginImpossible(f"no file is configured for the AppRole {what}")
    try:
        value = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise LoginImpossible(f"the file of the AppRole {what} can't be read") from None
    if not value:
        raise LoginImpossible(f"the file of the AppRole {what} is empty")
    return value
