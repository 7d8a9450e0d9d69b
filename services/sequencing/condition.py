"""Condition of the logs, for metrics and readiness."""

from dataclasses import dataclass, field


@dataclass
class LogCondition:
    """Condition of the logs, for metrics and reports.

    ``refused`` has the reason by tenant for an unsigned head, ``stuck`` the tenants whose records can't be added to the
    tree, ``unwitnessed`` those whose checkpoints the witness rejects.
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
