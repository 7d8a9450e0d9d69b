"""The workflow sandbox with Temporal's restrictions, its modules loaded once for all runs.

Temporal's runner imports again, for every run, what a workflow imports, so that runs can't share a module's variables;
and for each payload it enters the sandbox again to get the serialisation context. On two cores that was half of a
request's cost in the worker. The determinism restrictions stay: in a workflow no clock, no randomness, no I/O. Instead
of the import for each run a test reads the source of every module of ``workflows`` and of ``PURE`` and fails for any
mutable variable. See decision 9.
"""

import builtins
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import CodeType
from typing import Any

from temporalio.api.enums.v1 import CommandType
from temporalio.converter import (
    ActivitySerializationContext,
    SerializationContext,
    StorageDriverStoreContext,
    WorkflowSerializationContext,
)
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.worker.workflow_sandbox._importer import Importer, _thread_local_import, _thread_local_sys_modules
from temporalio.worker.workflow_sandbox._restrictions import RestrictionContext
from temporalio.worker.workflow_sandbox._runner import _Instance
from temporalio.workflow import unsafe

# Values and rules that workflows import. They are pure, by a test, so the sandbox has nothing to restrict there. The
# workflows themselves stay inside.
PURE = (
    "domain",
    "activities.contracts",
    "activities.failures",
    "assay_temporal.contracts",
    "workflows.inference.run_state",
    "workflows.timing",
)


class _Armed(RestrictionContext):
    """Restrictions that stay enabled: runs share them, and an idle run must not disable those of an active one."""

    def __init__(self) -> None:
        self._runtime = False
        self.in_activation = False

    @property
    def is_runtime(self) -> bool:
        """Return True while workflow code runs, False during its import."""
        return self._runtime

    @is_runtime.setter
    def is_runtime(self, value: bool) -> None:
        self._runtime = self._runtime or value


@lru_cache(maxsize=32)
def _compiled(source: str) -> CodeType:
    return compile(source, "workflow_sandbox.py", "exec")


class _QuickImporter(Importer):
    """Temporal's importer, installed and removed a dozen times per run: in one step, not in seven nested ones."""

    @cached_property
    def _stand_ins(self) -> Sequence[tuple[Any, str, Any, Any]]:
        """Return objects to patch: owner, attribute name, thread-aware replacement, and this thread's value."""
        return [
            (sys, "modules", _thread_local_sys_modules, self.new_modules),
            (builtins, "__import__", _thread_local_import, self.import_func),
            *((builtins, name, override, own) for name, override, own in self.restricted_builtins),
        ]

    def applied(self) -> "_Applied":  # type: ignore[override]  # a context manager as well
        """See ``Importer``."""
        return _Applied(self, self._stand_ins)


class _Applied:
    """Effect of ``Importer.applied``: in this thread alone, ``sys.modules`` and builtins are the sandbox's."""

    def __init__(self, importer: Importer, stand_ins: Sequence[tuple[Any, str, Any, Any]]) -> None:
        self._importer = importer
        self._stand_ins = stand_ins
        self._undo: list[tuple[Any, str, Any, Any]] = []
        self._before: Importer | None = None

    def __enter__(self) -> None:
        current = Importer._thread_local_current  # noqa: SLF001 - as the SDK does, here and below
        self._before = Importer.current_importer()
        current.importer = self._importer
        for holder, name, override, own in self._stand_ins:
            self._undo.append((holder, name, override, override.maybe_current))
            with override.applied_counter_lock:
                override.applied_counter += 1
                if getattr(holder, name) is not override:
                    setattr(holder, name, override)
            override.current = own

    def __exit__(self, *_: object) -> None:
        for holder, name, override, before in reversed(self._undo):
            if before is None:
                del override.current
            else:
                override.current = before
            with override.applied_counter_lock:
                override.applied_counter -= 1
                if override.applied_counter == 0:
                    setattr(holder, name, override.orig)
        Importer._thread_local_current.importer = self._before  # noqa: SLF001


class _Loaded:
    """A workflow's class and its imports, inside the sandbox."""

    def __init__(self, workflow: type, runner: type, restrictions: SandboxRestrictions) -> None:
        self.importer = _QuickImporter(restrictions, _Armed(), workflow_module_name=workflow.__module__)
        source = (
            "with __temporal_importer.applied():\n"
            f"  from {workflow.__module__} import {workflow.__name__} as __temporal_workflow_class\n"
            f"  from {runner.__module__} import {runner.__name__} as __temporal_runner_class\n"
        )
        self.names: dict[str, Any] = {"__file__": "workflow_sandbox.py", "__temporal_importer": self.importer}
        unsafe._set_in_sandbox(True)  # noqa: SLF001 - as the SDK does
        try:
            exec(source, self.names, self.names)  # noqa: S102 - as the SDK does; names of our own classes alone
        finally:
            unsafe._set_in_sandbox(False)  # noqa: SLF001
        self.importer.restriction_context.is_runtime = True


class _SharedInstance(_Instance):
    """A run in a loaded sandbox."""

    def __init__(self, details: WorkflowInstanceDetails, runner: type, loaded: _Loaded) -> None:
        self.instance_details = details
        self.runner_class = runner
        self.importer = loaded.importer
        self.globals_and_locals: dict[str, Any] = dict(loaded.names)
        self._current_thread_id = None
        self._workflow = WorkflowSerializationContext(
            namespace=details.info.namespace, workflow_id=details.info.workflow_id
        )
        self._run_code(
            "with __temporal_importer.applied():\n"
            "  from temporalio.worker.workflow_sandbox._in_sandbox import InSandbox\n"
            "  __temporal_in_sandbox ="
            " InSandbox(__temporal_instance_details, __temporal_runner_class, __temporal_workflow_class)\n",
            __temporal_importer=self.importer,
            __temporal_instance_details=details,
        )

    def _run_code(self, code: Any, **extra_globals: Any) -> None:  # noqa: ANN401 - the SDK's
        super()._run_code(_compiled(code), **extra_globals)  # type: ignore[arg-type] # exec takes code as well

    @property
    def _inner(self) -> WorkflowInstance:
        inner: WorkflowInstance = self.globals_and_locals["__temporal_in_sandbox"].instance
        return inner

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:  # noqa: ANN401 - the SDK's
        """See ``WorkflowInstance``. What an activity takes and gives counts as its workflow's own, as in the codec.

        The SDK's answer is made outside the restrictions: it reads the SDK's own tables and runs nothing of a workflow.
        """
        if command_info is None or command_info.command_type == CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
            return self._workflow
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:  # noqa: ANN401 - the SDK's
        """See ``WorkflowInstance``. Made outside as well. What goes to a local activity has no place in a store."""
        if command_info is not None and command_info.command_type == CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
            place = self._inner.get_serialization_context(command_info)
            if isinstance(place, ActivitySerializationContext) and place.is_local:
                return StorageDriverStoreContext(target=None)
        return self._inner.get_external_store_context(command_info)


@dataclass(frozen=True)
class SharedSandboxRunner(SandboxedWorkflowRunner):
    """Temporal's sandboxed runner, with one sandbox per workflow class."""

    _loaded: dict[type, _Loaded] = field(default_factory=dict, init=False, repr=False, compare=False)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """See ``WorkflowRunner``."""
        workflow = det.defn.cls
        if workflow not in self._loaded:
            self._loaded[workflow] = _Loaded(workflow, self.runner_class, self.restrictions)
        return _SharedInstance(det, self.runner_class, self._loaded[workflow])


def sandbox() -> SharedSandboxRunner:
    """Return the sandbox of a worker."""
    return SharedSandboxRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PURE))
