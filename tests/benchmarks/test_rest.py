"""Processes at rest: those that are measured go on, the others stop, and all go on afterwards."""

import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from benchmarks.tools.rest import at_rest

SLEEPS = "import time; time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPS!r}])"


def eventually_true(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def parents():
    """Two processes, each with a child."""
    running = [psutil.Popen([sys.executable, "-c", PARENT], stdout=subprocess.DEVNULL) for _ in range(2)]
    for process in running:
        eventually_true(lambda process=process: len(process.children()) == 1)
    yield running
    for process in running:
        if process.poll() is None:
            for one in (*process.children(), process):
                one.kill()
            process.wait()


def stopped(process: psutil.Process) -> bool:
    return all(one.status() == psutil.STATUS_STOPPED for one in (process, *process.children()))


def goes_on(process: psutil.Process) -> bool:
    return all(one.status() != psutil.STATUS_STOPPED for one in (process, *process.children()))


def test_others_rest_and_the_measured_one_goes_on(parents: list[psutil.Popen]):
    busy, idle = parents
    with at_rest([p.pid for p in parents], but=[busy.pid]):
        eventually_true(lambda: stopped(idle))
        assert goes_on(busy)
    eventually_true(lambda: goes_on(idle))
    assert goes_on(busy)


def test_they_go_on_also_where_measuring_fails(parents: list[psutil.Popen]):
    def measure_and_fail() -> None:
        with at_rest([parents[1].pid], but=[]):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        measure_and_fail()
    eventually_true(lambda: goes_on(parents[1]))


def test_what_ended_meanwhile_is_no_error(parents: list[psutil.Popen]):
    busy, idle = parents
    with at_rest([idle.pid], but=[busy.pid]):
        for one in (*idle.children(), idle):
            one.kill()
        idle.wait()
