"""A run's JSON: what only parts need is there only where there are parts."""

from api.inference.run_views import RunView
from assay_temporal.contracts import Answer, InferenceResult, Place, ProblemDetail
from domain.inference.runs import Status


def body(**given: object) -> dict:
    result = InferenceResult("inf.acme.0", "completed", "allow", **given)
    return RunView("inf.acme.0", Status.COMPLETED, result, result.problem).body()


def test_an_answer_of_text_has_the_members_that_it_always_had():
    assert body(result=Answer("Hi", "m", "stop"))["result"] == {"content": "Hi", "model": "m", "finish_reason": "stop"}


def test_an_answer_of_parts_shows_them():
    call = {"type": "tool_call", "call_id": "c", "name": "clock", "arguments": "{}"}
    assert body(result=Answer("", "m", "tool_calls", (call,)))["result"]["parts"] == (call,)


def test_a_finding_names_a_part_only_where_there_is_one():
    places = (
        Place("rule", 1, 2, 9),
        Place("rule", 1, 2, 9, 0),
        Place("rule", 1, 2, 9, 0, "arguments"),
        Place("rule", None, 2, 9, None, "tools.0.description"),
    )
    plain = {"rule": "rule", "message": 1, "start": 2, "end": 9}
    assert body(problem=ProblemDetail("prompt-blocked", "no", places=places))["problem"]["findings"] == [
        plain,
        {**plain, "part": 0},
        {**plain, "part": 0, "field": "arguments"},
        {**plain, "message": None, "field": "tools.0.description"},
    ]
