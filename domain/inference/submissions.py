"""Requests for runs, with the signs by which a repeat is distinguished."""

from dataclasses import dataclass
from enum import StrEnum


class Ending(StrEnum):
    """End of the connection of a request.

    ``CUT``: without the run's outcome. ``WITHDRAWN``: the run was cancelled, so that an equal request is a new one.
    """

    CUT = "cut"
    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class RepeatSigns:
    """Signs of a repeat in a request.

    Attributes:
        streamed: whether it asks for a stream.
        retries: how often the client says it has sent the request before.
        session: the client's own session by name and value; None without one.
    """

    streamed: bool
    retries: int = 0
    session: str | None = None


@dataclass(frozen=True, slots=True)
class AskedRun:
    """A request for a run.

    Attributes:
        tenant, caller: who asks.
        digest: keyed digest of caller, policy and body, 32 bytes.
        tag: a random value for the run, if the request is not a repeat.
        connection: a random name of its connection.
        streamed, retries: as in ``RepeatSigns``.
        session: keyed digest of the client's session, 32 bytes.
    """

    tenant: str
    caller: str
    digest: bytes
    tag: str
    connection: str
    streamed: bool
    retries: int
    session: bytes | None


@dataclass(frozen=True, slots=True)
class TaggedRun:
    """The run of a request, by its tag.

    Attributes:
        tag: the random value that its ID is derived from.
        connection: the name of the request's connection.
        joined: whether an earlier request asked for it.
        fresh_failure: whether that failed so lately that it is not attempted again yet.
    """

    tag: str
    connection: str
    joined: bool = False
    fresh_failure: bool = False


@dataclass(frozen=True, slots=True)
class BegunSubmission:
    """A request's run, by its ID or that of its first attempt."""

    run_id: str
    run: TaggedRun
