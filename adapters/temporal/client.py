"""Connection to Temporal with encrypted payloads: one per process, for all its roles."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client, Interceptor, TLSConfig
from temporalio.common import HeaderCodecBehavior
from temporalio.service import GrpcCompression, RPCError

from adapters.temporal.external_storage import with_external_storage
from adapters.temporal.json_payloads import CompiledJsonConverter
from adapters.temporal.payload_driver import PayloadDriver
from assay_temporal.codec import EncryptingCodec, OnUnauthenticated
from assay_temporal.data_converter import encrypted
from assay_temporal.headers import AddressedHeaders, PlacingCodec
from assay_temporal.keyring import KeyRing
from config.settings import TemporalSettings
from domain.access.principals import SYSTEM_TENANT
from domain.identity import tenant_of_run
from domain.inference.ports import PayloadStore
from domain.refusals import Kind, Refusal

_CHECK_TIMEOUT = timedelta(seconds=1.5)
_SERVICE = "temporal.api.workflowservice.v1.WorkflowService"


class TemporalConnection:
    """Connects once, and checks availability. A ``Dependency`` named ``temporal``.

    A worker in the API's process has to share its client: only then does Temporal pass a new run's first task to it
    with the response to the start.
    """

    def __init__(
        self,
        settings: TemporalSettings,
        payload_refused: Callable[[], None] = lambda: None,
        interceptors: Sequence[Interceptor] = (),
    ) -> None:
        """Take the settings; ``payload_refused`` is called for each payload that fails authentication.

        ``interceptors`` may set headers (a trace context, say): these are encrypted and bound to the workflow called.
        """
        self._settings = settings
        self._interceptors = interceptors
        self._payload_refused = payload_refused
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    @property
    def name(self) -> str:
        """``temporal``."""
        return "temporal"

    async def client(self, keyring: KeyRing, payloads: PayloadStore | None) -> Client:
        """Return the client, with ``keyring``'s keys and large payloads in ``payloads``: those of the first caller.

        Without ``payloads`` it sends all of them inline, and can't read those of other clients.

        Raises:
            Refusal: ENGINE_UNAVAILABLE.
        """
        async with self._connecting:
            if self._client is None:
                codec = EncryptingCodec(
                    keyring,
                    tenant_of=tenant_of_run,
                    fallback_tenant=SYSTEM_TENANT,
                    on_unauthenticated=OnUnauthenticated.READ_AS_NULL,
                    refused=self._payload_refused,
                )
                converter = encrypted(PlacingCodec(codec, self._settings.namespace), CompiledJsonConverter)
                if payloads is not None:
                    driver = PayloadDriver(payloads, tenant_of=tenant_of_run, fallback_tenant=SYSTEM_TENANT)
                    converter = with_external_storage(converter, driver, self._settings.external_payload_bytes)
                try:
                    self._client = await Client.connect(
                        self._settings.address,
                        namespace=self._settings.namespace,
                        tls=_tls(self._settings),
                        api_key=_token(self._settings),
                        data_converter=converter,
                        interceptors=[AddressedHeaders(), *self._interceptors],
                        header_codec_behavior=HeaderCodecBehavior.CODEC,
                        # requests are mostly ciphertext, which does not compress
                        grpc_compression=GrpcCompression.NONE,
                    )
                except (RPCError, RuntimeError):
                    raise _away() from None
            return self._client

    async def check(self) -> None:
        """Check that the server serves.

        Raises:
            Refusal: ENGINE_UNAVAILABLE.
        """
        if self._client is None:
            raise _away()
        try:
            healthy = await self._client.service_client.check_health(service=_SERVICE, timeout=_CHECK_TIMEOUT)
        except RPCError:
            raise _away() from None
        if not healthy:
            raise _away()


def _away() -> Refusal:
    return Refusal(Kind.ENGINE_UNAVAILABLE, "the workflow engine did not answer", retry_after=2)


def _tls(settings: TemporalSettings) -> TLSConfig | bool:
    if not settings.tls:
        return False
    return TLSConfig(
        server_root_ca_cert=_read(settings.server_ca_file),
        client_cert=_read(settings.client_cert_file),
        client_private_key=_read(settings.client_key_file),
    )


def _token(settings: TemporalSettings) -> str | None:
    """Return the JWT for the server's authorizer, sent as a bearer token with every call."""
    return settings.token_file.read_text("ascii").strip() if settings.token_file is not None else None


def _read(path: Path | None) -> bytes | None:
    return path.read_bytes() if path is not None else None
