"""Settings: read once from the environment (prefix ``ASSAY_``, groups by ``__``), frozen, passed by constructor.

Example: ``ASSAY_VAULT__ADDRESS=https://vault.internal:8200``. No setting is a secret: secrets come from Vault, and
Vault's credentials (an AppRole secret ID) from a file that a setting names.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, IPvAnyNetwork, create_model, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from config import checkout, roles
from config.transport import is_loopback, require_origin, require_private_transport
from domain.transparency.cosignatures import parse_cosigner

Port = Annotated[int, Field(ge=1, le=65535)]
PrivateUrl = Annotated[str, AfterValidator(require_private_transport)]
PoolSize = Annotated[int, Field(ge=1, le=100)]
Seconds = Annotated[float, Field(gt=0)]
DeploymentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]  # Temporal writes "name.build"
LogName = Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,100}(/[a-z0-9.-]{1,100})*$")]  # a URL without scheme (C2SP)
BuildId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]


def _origin(value: str | None) -> str | None:
    """Validate an origin as browsers send it (RFC 6454 section 6.2). None for an empty value."""
    return require_origin(value) if value else None


def _directory_or_bucket(value: str) -> str:
    if not value or ("://" in value and not re.match(r"s3://[a-z0-9.-]{3,63}(/|$)", value)):
        raise ValueError("must be a directory, or s3://BUCKET/PREFIX")
    return value


def _private_or_none(value: str | None) -> str | None:
    return require_private_transport(value) if value else None


class _SettingsGroup(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ApiSettings(_SettingsGroup):
    """The HTTP edge. Serve it behind a TLS proxy unless it listens on loopback.

    ``spool_dir`` stores refusals until they are in the log; of similar refusals, ``refusals_one_by_one`` a minute are
    recorded each, and the rest as a count. ``X-Forwarded-For`` counts from the addresses or networks in
    ``trusted_proxies`` alone; their connections are limited in all, the others' by address as well. Bodies of
    routes for conversations have at most ``max_conversation_bytes``, others ``max_body_bytes``.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    behind_tls_proxy: bool = False
    max_body_bytes: Annotated[int, Field(ge=1024)] = 524_288
    max_conversation_bytes: Annotated[int, Field(ge=1024)] = 33_554_432
    wait_seconds: Annotated[float, Field(ge=0, le=300)] = 30.0
    ui_origin: Annotated[str | None, AfterValidator(_origin)] = None
    ui_session_seconds: Annotated[int, Field(ge=60, le=28_800)] = 900
    spool_dir: Path = Path(".assay-spool")
    spool_bytes: Annotated[int, Field(ge=65_536)] = 67_108_864
    refusals_one_by_one: Annotated[int, Field(ge=1, le=1000)] = 10
    trusted_proxies: list[IPvAnyNetwork] = []
    max_connections: Annotated[int, Field(ge=16, le=100_000)] = 2_000
    max_connections_per_address: Annotated[int, Field(ge=1, le=100_000)] = 256
    max_header_bytes: Annotated[int, Field(ge=4_096, le=1_048_576)] = 32_768
    max_body_bytes_in_flight: Annotated[int, Field(ge=1_048_576)] = 67_108_864

    @model_validator(mode="after")
    def _loopback_or_proxy(self) -> "ApiSettings":
        if not self.behind_tls_proxy:
            require_private_transport(f"http://{self.host}:{self.port}")
        return self


class AppRoleSettings(_SettingsGroup):
    """Files of a process's AppRole credentials. The secret ID may be a response-wrapping token."""

    role_id_file: Path | None = None
    secret_id_file: Path | None = None
    wrapped: bool = True


Group = TypeVar("Group", bound=_SettingsGroup)


def _with_approles(group: type[Group]) -> type[Group]:
    """Add a settings group for the AppRole of each process role, under the role's name."""
    approles: dict[str, Any] = {role.name: (AppRoleSettings, AppRoleSettings()) for role in roles.ALL}
    return create_model(group.__name__, __base__=group, __module__=group.__module__, __doc__=group.__doc__, **approles)


@_with_approles
class VaultSettings(_SettingsGroup):
    """HashiCorp Vault, or any server with its HTTP API (OpenBao).

    Each process role has a group of its name with its AppRole credentials: ``ASSAY_VAULT__API__ROLE_ID_FILE``.
    """

    address: PrivateUrl = "http://127.0.0.1:8200"
    ca_file: Path | None = None
    timeout_seconds: Seconds = 2.0
    kv_mount: str = "assay"
    transit_mount: str = "transit"
    database_mount: str = "database"
    approle_mount: str = "approle"
    team_approle_mount: str = "assay-teams"
    data_key_max_age_seconds: Seconds = 86_400.0

    def approle(self, role: roles.ProcessRole) -> AppRoleSettings:
        """The AppRole credentials of a process role."""
        found: AppRoleSettings = getattr(self, role.name)
        return found


class DatabaseSettings(_SettingsGroup):
    """PostgreSQL 15 or newer. Credentials are leased from Vault, so none are settings."""

    host: str = "127.0.0.1"
    port: Port = 5433
    name: str = "assay"
    ca_file: Path | None = None
    pool_size: PoolSize = 8
    connect_timeout_seconds: Seconds = 2.0
    statement_timeout_seconds: Seconds = 2.0

    @property
    def tls_required(self) -> bool:
        """Return True if connections use TLS with a verified host name: except on loopback."""
        return not is_loopback(self.host)


class TemporalSettings(_SettingsGroup):
    """The Temporal service, and the namespace and task queue that Assay's workers poll.

    Payloads of ``external_payload_bytes`` or more are stored in PostgreSQL, with references in histories.
    """

    address: str = "127.0.0.1:7233"
    namespace: str = "assay"
    task_queue: str = "assay"
    external_payload_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = 131_072
    tls: bool = False
    server_ca_file: Path | None = None
    client_cert_file: Path | None = None
    client_key_file: Path | None = None
    token_file: Path | None = None

    @model_validator(mode="after")
    def _private(self) -> "TemporalSettings":
        require_private_transport(f"{'https' if self.tls else 'http'}://{self.address}")
        return self


class TokenSettings(_SettingsGroup):
    """Access tokens (RFC 9068): issuer, audience, lifetime."""

    issuer: str = "urn:assay"
    audience: str = "assay"
    lifetime_seconds: Annotated[int, Field(ge=30, le=86_400)] = 900
    leeway_seconds: Annotated[int, Field(ge=0, le=120)] = 5


class WorkerSettings(_SettingsGroup):
    """Workers. Slots are fixed for latency; a run occupies one of each kind only while it uses it.

    ``serves_nexus`` serves teams of other namespaces by a Nexus endpoint. ``ready_file`` exists while the worker polls,
    for health checks of a process without a listening socket. ``settle_abandoned_seconds`` is the interval of the
    reconciliation sweep. ``judged_texts_bytes`` bounds the memory for judged texts; 0 keeps none. A process that is
    only a worker serves metrics on the loopback port ``metrics_port``.
    ``versioning`` selects the worker that continues a run after an upgrade: see decision 14.
    """

    max_workflow_tasks: Annotated[int, Field(ge=2)] = 32
    max_activities: Annotated[int, Field(ge=1)] = 64
    max_local_activities: Annotated[int, Field(ge=1)] = 64
    graceful_shutdown_seconds: Seconds = 10.0
    serves_nexus: bool = False
    ready_file: Path | None = None
    metrics_port: Port | None = None
    settle_abandoned_seconds: Annotated[int, Field(ge=60, le=86_400)] = 300
    judged_texts_bytes: Annotated[int, Field(ge=0)] = 67_108_864
    versioning: Literal["none", "auto_upgrade", "pinned"] = "none"
    deployment_name: DeploymentName = "assay"
    build_id: BuildId | None = None

    @model_validator(mode="after")
    def _known_build(self) -> "WorkerSettings":
        if self.versioning != "none" and self.build_id is None:
            raise ValueError("versioning needs build_id, the name of the deployed build")
        return self


class AuditSettings(_SettingsGroup):
    """The audit log: each tenant's has the permanent name ``log_name/tenant``.

    A signed checkpoint covers a recorded event within ``promise_seconds``, the maximum merge delay stated in receipts;
    a tenant's log gets one every ``checkpoint_seconds`` at most. A process that is only a sequencer serves metrics on
    the loopback port ``metrics_port``. A witness (C2SP tlog-witness) at ``witness_url``, with the key ``witness_vkey``,
    cosigns checkpoints. Months that ended ``retention_months`` ago are archived at ``archive_place``: a directory, or
    ``s3://BUCKET/PREFIX`` of the server at ``archive_endpoint`` (none: Amazon's).
    """

    log_name: LogName = "assay.local"
    checkpoint_seconds: Seconds = 1.0
    promise_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    metrics_port: Port | None = None
    witness_url: PrivateUrl | None = None
    witness_vkey: str | None = None
    retention_months: Annotated[int, Field(ge=2, le=1200)] = 13
    archive_place: Annotated[str, AfterValidator(_directory_or_bucket)] = "archive"
    archive_region: str = "us-east-1"
    archive_endpoint: Annotated[str | None, AfterValidator(_private_or_none)] = None

    @model_validator(mode="after")
    def _known_witness(self) -> "AuditSettings":
        if (self.witness_url is None) != (self.witness_vkey is None):
            raise ValueError("witness_url and witness_vkey must be set together")
        if self.witness_vkey is not None:
            parse_cosigner(self.witness_vkey)
        return self


class OnnxSettings(_SettingsGroup):
    """The operator's own classifier: ``dir`` has ``model.onnx`` and ``tokenizer.json``; it uses so many threads."""

    dir: Path | None = None
    threads: Annotated[int, Field(ge=1, le=64)] = 1


class EmbeddedSettings(_SettingsGroup):
    """The single-machine stack that ``assay up`` starts."""

    data_dir: Path = Path(".assay")
    postgres_port: Port = 5433
    vault_port: Port = 8200
    vault_cluster_port: Port = 8201
    temporal_port: Port = 7233
    temporal_ui_port: Port = 8233
    temporal_ui: bool = True
    model_port: Port = 8091
    model_threads: Annotated[int, Field(ge=1)] = 1


class Settings(BaseSettings):
    """All settings of every process. Instances are immutable."""

    model_config = SettingsConfigDict(
        env_prefix="ASSAY_", env_nested_delimiter="__", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    api: ApiSettings = ApiSettings()
    vault: VaultSettings = VaultSettings()
    database: DatabaseSettings = DatabaseSettings()
    temporal: TemporalSettings = TemporalSettings()
    tokens: TokenSettings = TokenSettings()
    worker: WorkerSettings = WorkerSettings()
    audit: AuditSettings = AuditSettings()
    onnx: OnnxSettings = OnnxSettings()
    embedded: EmbeddedSettings = EmbeddedSettings()
    policies_dir: Path = checkout.POLICIES
    models_dir: Path = checkout.MODELS
    provider_urls: dict[str, PrivateUrl] = {}
    retention_days: Annotated[int, Field(ge=1, le=90)] = 7
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
