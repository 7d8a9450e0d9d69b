"""A team's workflow: it sorts a document and, where someone has to act, drafts a reply. It asks Assay twice."""

from dataclasses import dataclass

from temporalio import workflow

from assay_temporal import InferenceCall, ask, ask_for_answer


@dataclass
class Document:
    """What came in. ``model`` is an alias that Assay's policy knows."""

    text: str
    model: str = "smollm2"


@dataclass
class Triage:
    """What became of it. ``draft`` is None where none was wanted, or none was allowed: ``refusal`` says why."""

    label: str
    draft: str | None = None
    refusal: str | None = None


@workflow.defn
class DocumentTriage:
    """Runs in the sandbox like any other workflow."""

    @workflow.run
    async def run(self, document: Document) -> Triage:
        """Sort, then draft."""
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
        if drafted.result is None:  # Assay denied it: the workflow decides what that means
            return Triage(label, refusal=drafted.problem.kind if drafted.problem else drafted.status)
        return Triage(label, draft=drafted.result.content)
