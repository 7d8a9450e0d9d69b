"""Resources that actions apply to, and decisions about them."""

from dataclasses import dataclass
from enum import StrEnum


class ResourceKind(StrEnum):
    """Kinds of resources."""

    RUN = "run"
    PAYLOAD = "payload"
    LOG = "log"
    RECORD = "record"
    HOLD = "hold"
    DATA_SUBJECT = "data_subject"
    API_KEY = "api_key"


@dataclass(frozen=True, slots=True)
class Resource:
    """Object of an action.

    Attributes:
        tenant: the tenant that it belongs to.
        kind: its kind.
        run: the public ID of its run; None for any run of the tenant, or if it belongs to none.
        model: the model named in the request, if any.
    """

    tenant: str
    kind: ResourceKind
    run: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class AccessDecision:
    """A decision about access. ``reason`` is for the refused caller: it quotes no rule and nothing secret."""

    permitted: bool
    reason: str = ""
