"""Bodies of ``/v1/keys``."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from api.http.schemas import Strict
from domain.access.api_keys import KeyState
from domain.text.strict_json import is_storable


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("must be text that UTF-8 can encode, without NUL")
    return text


KeyName = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_storable)]
Alias = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_storable)]


class ApiKeyRequest(Strict):
    """Properties of a new API key. Without ``expires_in_days`` it lives as long as the policy permits."""

    name: KeyName = Field(examples=["continuous integration"])
    expires_in_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    models: Annotated[list[Alias], Field(min_length=1, max_length=100)] | None = None
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class KeyRotation(Strict):
    """Seconds for which the replaced key remains valid."""

    overlap_seconds: Annotated[int, Field(ge=0, le=2_592_000)] = 3600


class ApiKeyBody(BaseModel):
    """An API key without its secret. ``caller`` is its maker's keyed hash, as in records."""

    id: str
    prefix: str = Field(examples=["assay_4Jr0Tb9XkQz"])
    name: str | None
    state: KeyState
    caller: str
    created_at: datetime
    expires_at: datetime
    ends_at: datetime | None = Field(default=None, description="End of the overlap with the key that replaced it")
    revoked_at: datetime | None = None
    last_used_at: datetime | None = Field(default=None, description="Written once a minute")
    models: list[str] | None = Field(default=None, description="Absent: all of the tenant's")
    requests_per_minute: int | None = None


class NewApiKeyBody(ApiKeyBody):
    """A new API key. ``key`` is shown in this response alone."""

    key: str
    replaces: str | None = None


class ApiKeysBody(BaseModel):
    """API keys of a caller, or of a tenant, newest first."""

    keys: list[ApiKeyBody]


class RevokedKeyBody(BaseModel):
    """A revoked API key."""

    id: str
    state: KeyState = KeyState.REVOKED


def dumped(body: BaseModel) -> dict[str, Any]:
    """Return the members that are set, as JSON."""
    return body.model_dump(mode="json", exclude_none=True)
