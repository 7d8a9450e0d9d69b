"""The wire format of the audit log's routes."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.records.records import EventKind

MOST_EVENTS = 200


class EventsQuery(BaseModel):
    """Which records, and how. A name that is none is refused: a filter that is misspelt must not show everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: EventKind | None = Field(default=None, description="Only events of this kind.")
    run: str | None = Field(default=None, max_length=128, description="Only events of this run.")
    caller: str | None = Field(default=None, max_length=32, description="Only this caller's, by the keyed hash.")
    subject: str | None = Field(
        default=None,
        max_length=1024,
        description="Only records about this person: the `sub` of their token, or the keyed hash that records have.",
    )
    since: AwareDatetime | None = Field(default=None, description="Recorded then or later (RFC 3339, with a zone).")
    until: AwareDatetime | None = Field(default=None, description="Recorded before then.")
    cursor: str | None = Field(default=None, max_length=64, description="As an earlier page gave it.")
    limit: int = Field(default=50, ge=1, le=MOST_EVENTS)
    plaintext: bool = Field(default=False, description="Decrypt. The reading itself is recorded first.")


class ExportQuery(BaseModel):
    """Which part of the log."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: AwareDatetime | None = Field(default=None, description="From the first record of then or later on.")
    until: AwareDatetime | None = Field(default=None, description="Up to the last record from before then.")


class EventBody(BaseModel):
    """A record. The digest is over all but ``content`` and ``erased``."""

    event_id: str
    schema_version: int = Field(alias="schema")
    tenant: str
    kind: EventKind
    recorded_at: str
    run: str | None
    run_id: str | None
    subject: str | None = Field(description="A keyed hash of the person that the event is about.")
    fields: dict[str, Any]
    key_id: str
    subject_key: str | None
    ciphertext_sha256: str
    digest: str = Field(description="The entry in the log: SHA-256, hexadecimal.")
    content: dict[str, Any] | None = Field(default=None, description="The sealed part, where plaintext was asked for.")
    erased: Literal[True] | None = Field(default=None, description="The key was erased: nobody can read it any more.")


class EventsBody(BaseModel):
    """A page of records, newest first. ``cursor`` leads to the next, where there is one."""

    events: list[EventBody]
    cursor: str | None = None


Hash = Annotated[str, Field(description="32 bytes in base64.")]


class ConsistencyBody(BaseModel):
    """The proof that a log of ``to`` entries begins with those of ``from`` (RFC 9162, section 2.1.4)."""

    log: str
    old: int = Field(alias="from")
    new: int = Field(alias="to")
    hashes: list[Hash]
