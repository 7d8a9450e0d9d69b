"""Inference by Assay from your own Temporal workflows and clients. The names here are the public API.

In a workflow: ``ask``, ``ask_for_answer``, the types and the errors. Outside: ``assay_temporal.plugin``, ``.client``
and ``.vault.team``. Everything is imported on first use: a workflow's sandbox imports this module again for each run.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay_temporal.calls import ask, ask_for_answer
    from assay_temporal.contracts import Answer, InferenceResult, ProblemDetail, Receipt, TokenUsage
    from assay_temporal.errors import AnotherRequest, AssayError, Denied, Faulted, InvalidCall, NotLetIn
    from assay_temporal.inference import ChatMessage, InferenceCall

__all__ = [
    "AnotherRequest",
    "Answer",
    "AssayError",
    "ChatMessage",
    "Denied",
    "Faulted",
    "InferenceCall",
    "InferenceResult",
    "InvalidCall",
    "NotLetIn",
    "ProblemDetail",
    "Receipt",
    "TokenUsage",
    "ask",
    "ask_for_answer",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - of all kinds (PEP 562)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # plain imports, which the sandbox takes from outside if they are passed through
    from assay_temporal import calls, contracts, errors, inference  # noqa: PLC0415

    for module in (calls, contracts, errors, inference):
        if hasattr(module, name):
            return getattr(module, name)
    raise AssertionError(name)
