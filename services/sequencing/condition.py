"""Condition of the logs, for metrics and readiness."""

from dataclasses import dataclass, field


@dataclass
class LogCondition:
    """What is known of the logs, for metrics and reports. ``refused`` says by tenant why a head is not signed,
    ``stuck`` whose records can't be put into the tree, ``unwitnessed`` whose checkpoints the witness does not take.
    """

    sequenced: int = 0
    checkpoints: int = 0
    refusals: int = 0
    waiting: int = 0
    oldest_seconds: float = 0.0
    refused: dict[str, str] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    cosigned: int = 0
    unwitnessed: set[str] = field(default_factory=set)
