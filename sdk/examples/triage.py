"""A team's workflow: it classifies a document and, if action is required, drafts a reply, by two Assay runs."""

from dataclasses import dataclass

from temporalio import workflow

from assay_temporal import InferenceCall, ask, ask_for_answer


@dataclass
class Document:
    """Input of the workflow. ``model`` is an alias of Assay's policy."""

    text: str
    model: str = "smollm2"


@dataclass
class Triage:
    """Result of the workflow. ``draft`` is None if none was wanted, or none was permitted: see ``refusal``."""

    label: str
    draft: str | None = None
    refusal: str | None = None


@workflow.defn
class DocumentTriage:
    """Workflow that runs in the sandbox like any other."""

    @workflow.run
    async def run(self, document: Document) -> Triage:
        """Classify, then draft."""
        question = "Is this urgent? Answer with one word, urgent or later.\n\n"
        answer = await ask_for_answer(
            InferenceCall(model=document.model, prompt=question + document.text, temperature=0, max_tokens=8)
        )
        label = "urgent" if "urgent" in answer.content.lower() else "later"
        if label == "later":
            return Triage(label)
        drafted = await ask(
            InferenceCall(model=document.model, prompt="Draft a short reply.\n\n" + document.text, max_tokens=200)
        )
        if drafted.result is None:  # Assay denied it: the workflow decides on the consequence
            return Triage(label, refusal=drafted.problem.kind if drafted.problem else drafted.status)
        return Triage(label, draft=drafted.result.content)
