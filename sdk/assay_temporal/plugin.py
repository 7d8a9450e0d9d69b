"""Plugin for a team's clients, workers and replayers: Assay's encryption, and the signing activity."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from temporalio.client import Client, ClientConfig
from temporalio.common import HeaderCodecBehavior
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)
from temporalio.plugin import SimplePlugin
from temporalio.worker import ReplayerConfig, WorkerConfig, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from assay_temporal.codec import EncryptingCodec
from assay_temporal.headers import AddressedHeaders, PlacingCodec
from assay_temporal.keyring import KeyRing
from assay_temporal.signing import Signer, Team

PURE: Final = tuple(
    f"assay_temporal.{name}" for name in ("calls", "contracts", "errors", "inference", "nexus", "outcomes", "starts")
)
"""Modules of this package that workflows import: values, and calls of Temporal's workflow functions. Verified by a
test.
"""

_REPLACEABLE: Final = (DefaultFailureConverter, DefaultFailureConverterWithEncodedAttributes)


class AssayPlugin(SimplePlugin):
    """Pass it to ``Client.connect(plugins=[...])``, last: workers of that client have it too.

    Payloads, failures and headers of the team's own workflows are encrypted with its tenant's keys, bound to namespace
    and workflow ID; the payload converter, and other plugins' settings, are unchanged. A payload that fails
    authentication raises.
    """

    def __init__(self, team: Team, keyring: KeyRing, *, task_queue: str = "assay", endpoint: str | None = None) -> None:
        """Take the team and its keys.

        Args:
            team: the signing identity.
            keyring: its tenant's keys.
            task_queue: that of Assay's workers, for a team in Assay's namespace.
            endpoint: Assay's Nexus endpoint, for a team with its own namespace.
        """
        self.endpoint = endpoint
        self.signer = Signer(team, keyring, task_queue=task_queue, endpoint=endpoint)
        self.codec = EncryptingCodec(keyring, tenant_of=lambda _: team.tenant, fallback_tenant=team.tenant)
        super().__init__(
            "assay.temporal",
            interceptors=[AddressedHeaders()],
            activities=[self.signer.sign_start],
            workflow_runner=_with_passthrough,
        )

    def configure_client(self, config: ClientConfig) -> ClientConfig:
        """See ``temporalio.client.Plugin``.

        Raises:
            ValueError: a codec or a failure converter is set that this plugin would replace.
        """
        config = super().configure_client(config)
        config["data_converter"] = self._encrypted(config["data_converter"], config["namespace"])
        config["header_codec_behavior"] = HeaderCodecBehavior.CODEC
        return config

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """See ``temporalio.worker.Plugin``.

        Raises:
            ValueError: the client does not encrypt (any more).
        """
        self.require_encryption(config["client"])
        return super().configure_worker(config)

    def configure_replayer(self, config: ReplayerConfig) -> ReplayerConfig:
        """See ``temporalio.worker.Plugin``.

        Raises:
            ValueError: see ``configure_client``.
        """
        config = super().configure_replayer(config)
        config["data_converter"] = self._encrypted(config["data_converter"], config["namespace"])
        config["header_codec_behavior"] = HeaderCodecBehavior.CODEC
        return config

    def require_encryption(self, client: Client) -> None:
        """Check that the client's requests are encrypted by this plugin.

        Raises:
            ValueError: the plugin is not the client's, or a later plugin undid it.
        """
        settings: Mapping[str, Any] = client.config(active_config=True)
        converter: DataConverter = settings["data_converter"]
        encrypts = (
            self._is_ours(converter.payload_codec)
            and converter.failure_converter_class is DefaultFailureConverterWithEncodedAttributes
            and settings["header_codec_behavior"] is HeaderCodecBehavior.CODEC
        )
        if not encrypts:
            raise ValueError(
                "the client does not encrypt: pass AssayPlugin to Client.connect(plugins=[...]), after all others"
            )

    def _is_ours(self, codec: PayloadCodec | None) -> bool:
        return isinstance(codec, PlacingCodec) and codec.placed is self.codec

    def _encrypted(self, converter: DataConverter, namespace: str) -> DataConverter:
        """Return the converter with Assay's codec and encrypted failures; everything else is unchanged."""
        if self._is_ours(converter.payload_codec):
            return converter
        if converter.payload_codec is not None:
            raise ValueError("a payload codec is already set: AssayPlugin brings its own and can't be the second")
        if converter.failure_converter_class not in _REPLACEABLE:
            raise ValueError(
                "a failure converter is already set: AssayPlugin has to encrypt failures and would replace it"
            )
        return replace(
            converter,
            payload_codec=PlacingCodec(self.codec, namespace),
            failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
        )


def _with_passthrough(existing: WorkflowRunner | None) -> WorkflowRunner:
    """Return the runner with a sandbox that imports pure modules only once."""
    runner = existing or SandboxedWorkflowRunner()
    if not isinstance(runner, SandboxedWorkflowRunner):
        return runner
    return replace(runner, restrictions=runner.restrictions.with_passthrough_modules(*PURE))
