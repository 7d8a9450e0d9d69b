"""Runs workflow tasks in the event loop's own thread, and still ends one that does not come to its end.

Temporal's worker hands each activation of a workflow to a thread, so that it can stop waiting for one that hangs. A
second processor has no part in it, since one thread at a time runs Python; and a run has nine of them, each handed over
there and back. So they run where they are, and another thread watches how long they take.
"""

import asyncio
import ctypes
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import Any, Final, ParamSpec, TypeVar

import structlog

P = ParamSpec("P")
T = TypeVar("T")
log = structlog.get_logger(__name__)

LIMIT_SECONDS: Final = 2.0
"""How long a workflow task may take; Temporal's worker allows as much."""


class WorkflowTaskStuck(RuntimeError):
    """A workflow task takes too long. Fails the task, which Temporal tries again; the run goes on."""

    def __init__(self) -> None:
        """Take nothing: the interpreter makes it, in the middle of what is stuck."""
        super().__init__("the workflow task took too long and was interrupted")


class _State(Enum):
    WORKS = auto()
    DECIDING = auto()  # the watching thread is about to interrupt it, or not
    INTERRUPTED = auto()


class _Turn:
    __slots__ = ("began", "state", "thread")

    def __init__(self, began: float) -> None:
        self.thread = threading.get_ident()
        self.began = began
        self.state = _State.WORKS


class LoopExecutor(ThreadPoolExecutor):
    """An executor without threads to work in: for calls from coroutines, one after the other, in their loop."""

    def __init__(
        self,
        limit_seconds: float = LIMIT_SECONDS,
        look_seconds: float = 0.5,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take how long a call may take, how often one is looked at, and a clock. A call that is in C code for longer
        is interrupted once it is back."""
        super().__init__(max_workers=1)  # started only if used, and it is not
        self._limit = limit_seconds
        self._monotonic = monotonic
        self._turn: _Turn | None = None
        threading.Thread(
            target=_watch, args=(weakref.ref(self), look_seconds), name="workflow-task-watch", daemon=True
        ).start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 - see below
        """Have the running loop call ``fn`` soon: outside of the task that asks, since it may itself run tasks.

        Gives a future of the loop, which ``run_in_executor`` gives to its caller as it is (``asyncio.wrap_future``):
        one of ``concurrent.futures`` would have to wake the loop from outside.

        Raises:
            RuntimeError: no loop runs in this thread.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def call() -> None:
            if done.cancelled():
                return
            try:
                result = self._watched(lambda: fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - whoever waits for it has to know
                if not done.cancelled():
                    done.set_exception(error)
            else:
                if not done.cancelled():
                    done.set_result(result)
            finally:
                asyncio._set_running_loop(loop)  # a workflow is a loop of its own, and leaves none behind  # noqa: SLF001

        loop.call_soon(call)
        return done

    def _watched(self, call: Callable[[], T]) -> T:
        """Call it. Whatever interrupts it has done so when this ends, and not after."""
        turn = self._turn = _Turn(self._monotonic())
        try:
            return call()
        finally:
            self._turn = None
            while turn.state is _State.DECIDING:
                time.sleep(0)
            if turn.state is _State.INTERRUPTED:
                _raise_in(turn.thread, None)

    def interrupt_if_stuck(self) -> None:
        """Interrupt what is being called if it has taken too long; once, from another thread."""
        turn = self._turn
        if turn is None or turn.state is not _State.WORKS or self._monotonic() - turn.began < self._limit:
            return
        turn.state = _State.DECIDING
        if self._turn is not turn:  # it ended meanwhile, and may have seen nothing of this
            turn.state = _State.WORKS
            return
        _raise_in(turn.thread, WorkflowTaskStuck)
        turn.state = _State.INTERRUPTED
        log.error("workflow.task_stuck", seconds=self._limit)


def _watch(executor: weakref.ref[LoopExecutor], look_seconds: float) -> None:
    while (watched := executor()) is not None:
        watched.interrupt_if_stuck()
        del watched
        time.sleep(look_seconds)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have the thread raise it at its next instruction; None: not any more (``PyThreadState_SetAsyncExc``)."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(error) if error is not None else None
    )
