"""Wire format of the audit log's routes."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.records.records import EventKind

MOST_EVENTS = 200


class EventsQuery(BaseModel):
    """Filters of a records query. Unknown names are refused: a misspelt filter must not return everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: EventKind | None = Field(default=None, description="Only events of this kind.")
    run: str | None = Field(default=None, max_length=128, description="Only events of this run.")
    caller: str | None = Field(default=None, max_length=32, description="Only events of this caller, as a keyed hash.")
    subject: str | None = Field(
        default=None,
        max_length=1024,
        description="Only events about this data subject: the `sub` of their token, or the keyed hash shown in events.",
    )
    since: AwareDatetime | None = Field(
        default=None, description="Recorded at or after this time (RFC 3339, with a zone)."
    )
    until: AwareDatetime | None = Field(default=None, description="Recorded before this time.")
    cursor: str | None = Field(default=None, max_length=64, description="Cursor returned with an earlier page.")
    limit: int = Field(default=50, ge=1, le=MOST_EVENTS)
    plaintext: bool = Field(default=False, description="Decrypt the events. The access itself is recorded first.")


class ExportQuery(BaseModel):
    """Range of an export."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: AwareDatetime | None = Field(default=None, description="Export records from this time on.")
    until: AwareDatetime | None = Field(default=None, description="Export records before this time.")


class EventBody(BaseModel):
    """A record. The digest covers everything but ``content`` and ``erased``."""

    event_id: str
    schema_version: int = Field(alias="schema")
    tenant: str
    kind: EventKind
    recorded_at: str
    run: str | None
    run_id: str | None
    subject: str | None = Field(description="Keyed hash of the data subject.")
    fields: dict[str, Any]
    key_id: str
    subject_key: str | None
    ciphertext_sha256: str
    digest: str = Field(description="SHA-256 of the log entry, hexadecimal.")
    content: dict[str, Any] | None = Field(default=None, description="The decrypted part, if plaintext was requested.")
    erased: Literal[True] | None = Field(
        default=None, description="The key was erased: the encrypted part can't be read any more."
    )


class EventsBody(BaseModel):
    """A page of records, newest first. ``cursor`` leads to the next page, if there is one."""

    events: list[EventBody]
    cursor: str | None = None


Hash = Annotated[str, Field(description="32 bytes in base64.")]


class ConsistencyBody(BaseModel):
    """Proof that the log of ``to`` entries extends that of ``from`` (RFC 9162, section 2.1.4)."""

    log: str
    old: int = Field(alias="from")
    new: int = Field(alias="to")
    hashes: list[Hash]
