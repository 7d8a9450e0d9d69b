"""The Temporal worker: workflows, activities, slots."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig, WorkerTuner

from activities.failure_interceptor import FailuresByKind
from activities.inference.invoke import ModelActivities
from activities.inference.ledger import LedgerActivities, ReceiptTerms
from activities.inference.screen import ScreeningActivities
from activities.inference.stage_feed import StagesToFeed
from activities.inference.text_threads import TextThreads
from activities.inference.validate import ValidationActivities
from activities.proofs.interceptor import ProvenStages
from activities.reconciliation.sweep import AbandonedActivities
from adapters.screening.phone_numbers import LibPhoneNumbers
from adapters.temporal.runs import TemporalRuns
from assay_temporal.contracts import InferenceResult
from assay_temporal.keyring import KeyRing
from config.settings import Settings, WorkerSettings
from domain.access.ports import AccessDecider, TeamDirectory
from domain.budgets.ports import Ledger
from domain.inference.ports import ModelProvider, RunFeed
from domain.ports import Clock, IdentityKeys, StatementSigner
from domain.privacy.ports import PhoneSearches
from domain.records.reconciliation_ports import OutcomeGaps
from domain.screening.detectors import Detector
from domain.screening.verdicts import Verdict
from services.access import role_access
from services.policies.parsed import Policies
from services.refusals.stage_refusals import StageRefusals
from services.runs.local_feed import LocalRunFeed
from services.text_caches import TextCaches
from worker.nexus import NexusGate
from worker.queries import RefusedQueries
from worker.sandbox import sandbox
from workflows.inference.guarded_inference import GuardedInference
from workflows.reconciliation.settle_abandoned import SettleAbandoned


@dataclass(frozen=True)
class WorkerPorts:
    """Ports of the activities."""

    keyring: KeyRing
    policies: Policies
    ledger: Ledger
    identities: IdentityKeys
    signer: StatementSigner
    provider: ModelProvider
    clock: Clock
    teams: TeamDirectory
    gaps: OutcomeGaps
    detectors: Mapping[str, Detector]
    feed: RunFeed[InferenceResult] = field(default_factory=LocalRunFeed)
    judged: Callable[[str, Verdict], None] = lambda *_: None
    phones: PhoneSearches = field(default_factory=LibPhoneNumbers)
    threads: TextThreads = field(default_factory=TextThreads)
    caches: TextCaches = field(default_factory=lambda: TextCaches(0, b""))
    access: AccessDecider = field(default_factory=role_access)
    stage_refusals: StageRefusals = field(init=False)

    def __post_init__(self) -> None:
        """Record refused stages in the ledger."""
        object.__setattr__(self, "stage_refusals", StageRefusals(self.ledger, self.clock))


def build_worker(client: Client, settings: Settings, ports: WorkerPorts) -> Worker:
    """Return a worker for the settings' task queue. The caller runs it and shuts it down."""
    policies = ports.policies
    runs = TemporalRuns(client)
    validation = ValidationActivities(
        ports.keyring, policies, ports.identities, ports.teams, ports.access, runs, ports.clock, ports.caches
    )
    screening = ScreeningActivities(
        policies, ports.detectors, ports.phones, ports.identities, ports.threads, ports.judged, ports.caches
    )
    terms = ReceiptTerms(settings.audit.log_name, settings.audit.promise_seconds)
    ledger = LedgerActivities(
        ports.ledger, policies, ports.identities, ports.signer, ports.clock, ports.feed, terms, ports.caches
    )
    model = ModelActivities(ports.provider, policies, ports.ledger, ports.identities)
    proven = ProvenStages(ports.keyring, runs, ports.stage_refusals)
    abandoned = AbandonedActivities(runs, ports.gaps, ports.ledger, validation, ports.clock)
    slots = settings.worker
    return Worker(
        client,
        max_workflow_task_external_storage_concurrency=1,  # more would make a task of each payload, large or not
        task_queue=settings.temporal.task_queue,
        workflows=[GuardedInference, SettleAbandoned],
        activities=[
            validation.validate_request,
            screening.sanitise_prompt,
            screening.screen_prompt,
            ledger.admit_request,
            model.invoke_model,
            screening.screen_output,
            ledger.close_request,
            abandoned.begin_look,
            abandoned.find_closed,
            abandoned.find_held,
            abandoned.settle_runs,
            abandoned.end_look,
        ],
        nexus_service_handlers=[NexusGate()] if slots.serves_nexus else [],
        interceptors=[proven, FailuresByKind(), StagesToFeed(ports.feed), RefusedQueries()],
        workflow_runner=sandbox(),
        deployment_config=_deployment(slots),
        tuner=WorkerTuner.create_fixed(
            workflow_slots=slots.max_workflow_tasks,
            activity_slots=slots.max_activities,
            local_activity_slots=slots.max_local_activities,
        ),
        # time before another worker takes over a run cached by one that crashed
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=3),
        # the SDK delays heartbeats for most of their timeout, and a cancellation comes with the response to one
        max_heartbeat_throttle_interval=timedelta(seconds=0.5),
        graceful_shutdown_timeout=timedelta(seconds=slots.graceful_shutdown_seconds),
    )


_BEHAVIOURS = {
    "none": VersioningBehavior.UNSPECIFIED,
    "auto_upgrade": VersioningBehavior.AUTO_UPGRADE,
    "pinned": VersioningBehavior.PINNED,
}


def _deployment(worker: WorkerSettings) -> WorkerDeploymentConfig | None:
    """Return this worker's build, if set, and the behaviour of runs at promotion."""
    if worker.build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(worker.deployment_name, worker.build_id),
        use_worker_versioning=worker.versioning != "none",
        default_versioning_behavior=_BEHAVIOURS[worker.versioning],
    )
