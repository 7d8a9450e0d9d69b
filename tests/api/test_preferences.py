import pytest

from api.http.preferences import MAX_WAIT_SECONDS, Waiting, waiting


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], Waiting(30)),
        (["respond-async"], Waiting(0, "respond-async")),
        (["wait=5"], Waiting(5, "wait=5")),
        (["wait=0"], Waiting(0, "wait=0")),
        (["respond-async, wait=10"], Waiting(10, "wait=10, respond-async")),
        (["wait=10", "respond-async"], Waiting(10, "wait=10, respond-async")),
        (['Wait="7"'], Waiting(7, "wait=7")),
        (["wait=99999"], Waiting(MAX_WAIT_SECONDS, f"wait={MAX_WAIT_SECONDS}")),
        (["sealed"], Waiting(30, "sealed", sealed=True)),
        (["Sealed, wait=4"], Waiting(4, "wait=4, sealed", sealed=True)),
        (["respond-async, sealed"], Waiting(0, "respond-async, sealed", sealed=True)),
        (["sealed=no"], Waiting(30)),
        (["wait=-1"], Waiting(30)),
        (["wait=soon"], Waiting(30)),
        (["handling=lenient"], Waiting(30)),
        (["return=minimal; foo=bar, wait=3"], Waiting(3, "wait=3")),
    ],
)
def test_what_is_understood_is_applied_and_the_rest_ignored(headers, expected):
    assert waiting(headers, 30) == expected
