"""A process that tests start ends with the tests, also when these are killed."""

import subprocess
import sys

import psutil
import pytest

from tests.paths import ROOT

PARENT = """
import subprocess, sys, time
from tests.processes import bound
child = subprocess.Popen(bound(sys.executable, "-c", "import time; print('runs', flush=True); time.sleep(600)"),
                         stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the end of a parent")
def test_a_process_that_was_started_ends_with_a_parent_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
    child.wait(10)
