"""The subjects, and their construction."""

from collections.abc import Mapping

from benchmarks.gateway.subjects.assay import Assay
from benchmarks.gateway.subjects.base import Bench, Subject
from benchmarks.gateway.subjects.direct import ModelAlone
from benchmarks.gateway.subjects.peers import LiteLLM, Portkey
from benchmarks.gateway.subjects.temporal import BareTemporal, DefaultServer, Textbook, TunedServer
from benchmarks.tools.stack import AssayStack

PEERS = ("litellm", "portkey")
NAMES = ("model_alone", "bare_temporal", "assay", "assay_split", "textbook_tuned", "textbook", *PEERS)


def line_up(bench: Bench, stack: AssayStack) -> Mapping[str, Subject]:
    """Return every subject by its name, not started."""
    tuned = TunedServer(bench)
    every: tuple[Subject, ...] = (
        ModelAlone(bench),
        BareTemporal(bench, tuned),
        Assay(bench, stack),
        Assay(bench, stack, "assay_split", ("api", "worker")),
        Textbook(bench, tuned, "textbook_tuned", share=0.5),
        Textbook(bench, DefaultServer(bench), "textbook", share=0.1),
        LiteLLM(bench),
        Portkey(bench),
    )
    return {subject.name: subject for subject in every}
