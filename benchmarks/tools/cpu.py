"""CPU time of groups of processes, children included, between two moments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

Groups = Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """CPU seconds since the start of the processes, by group, and of the whole machine (busy, on these processors)."""

    groups: Mapping[str, float]
    machine: float
    processors: int

    def since(self, before: "CpuTimes") -> "CpuTimes":
        """Return the times spent since ``before``."""
        spent = {name: seconds - before.groups[name] for name, seconds in self.groups.items()}
        return CpuTimes(spent, self.machine - before.machine, self.processors)

    def per_request_ms(self, requests: int) -> dict[str, float]:
        """Return milliseconds of CPU per request, by group."""
        return {name: seconds * 1000 / requests for name, seconds in self.groups.items()}

    def foreign_share(self, seconds: float) -> float:
        """Return the share of the processors' time used by processes outside these groups."""
        return max(0.0, self.machine - sum(self.groups.values())) / (seconds * self.processors)


def cpu_times(groups: Groups, processors: Sequence[int]) -> CpuTimes:
    """Return the current times. A group is given by its oldest processes and includes all their children."""
    seconds = {name: sum(_tree_seconds(pid) for pid in pids) for name, pids in groups.items()}
    busy = [_busy(times) for index, times in enumerate(psutil.cpu_times(percpu=True)) if index in processors]
    return CpuTimes(seconds, sum(busy), len(busy))


def _tree_seconds(pid: int) -> float:
    """Return the time of a process and all its descendants. An ended child counts in its parent once that has waited
    for it.
    """
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue  # its parent's times include it now
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _busy(times: object) -> float:
    """Return all but idle and waiting time; time stolen by a hypervisor is foreign too."""
    names = ("user", "nice", "system", "irq", "softirq", "steal")
    return sum(float(getattr(times, name, 0.0)) for name in names)
