"""Content beyond text, and the clients' formats, read from the policy's section ``content``."""

from dataclasses import dataclass, field
from enum import StrEnum

from domain.inference.requests import ContentLimits
from domain.policy.reader import Section
from domain.screening.verdicts import Decision

_DECISIONS = tuple(Decision)
_MAX_BYTES = 32 * 1024 * 1024
_MAX_IMAGES = 1_000


class ProviderTools(StrEnum):
    """Treatment of tools that a provider runs itself, past the gateway."""

    REFUSE = "refuse"
    STRIP = "strip"


class UnknownFields(StrEnum):
    """Treatment of unknown fields of the clients' formats."""

    REFUSE = "refuse"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class ContentPolicy:
    """Policy for images, and for what clients' formats have beyond a request of Assay.

    The defaults are those of policies without the section, to which runs may be pinned.

    Attributes:
        limits: of images.
        images: decision for images of users, which no guard reads.
        tool_images: decision for images in the results of tools.
        provider_tools: treatment of tools that a provider runs.
        unknown_fields: treatment of unknown fields; dropped ones are named.
    """

    limits: ContentLimits = field(default_factory=ContentLimits)
    images: Decision = Decision.REVIEW
    tool_images: Decision = Decision.REVIEW
    provider_tools: ProviderTools = ProviderTools.REFUSE
    unknown_fields: UnknownFields = UnknownFields.DROP


def read_content_policy(section: Section) -> ContentPolicy:
    """Parse the section.

    Raises:
        PolicyError: at the first error.
    """
    with section:
        with section.section("images") as images:
            users = Decision(images.choice("user", _DECISIONS))
            tools = Decision(images.choice("tools", _DECISIONS))
            addresses = images.choice("addresses", ("refuse", "forward")) == "forward"
            most = images.whole("most", 0, _MAX_IMAGES)
            size = images.whole("max_bytes", 1, _MAX_BYTES)
        return ContentPolicy(
            ContentLimits(most, size, addresses),
            users,
            tools,
            ProviderTools(section.choice("provider_tools", tuple(ProviderTools))),
            UnknownFields(section.choice("unknown_fields", tuple(UnknownFields))),
        )
