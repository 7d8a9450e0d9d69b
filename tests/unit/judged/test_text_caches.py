"""Kept results: bounded in bytes and time, of one caller under one policy, never of a failure."""

import pytest

from services.text_caches import TextCaches


class Work:
    def __init__(self) -> None:
        self.calls = 0
        self.fails = False

    def __call__(self) -> str:
        self.calls += 1
        if self.fails:
            raise ValueError("not judged")
        return f"result {self.calls}"


@pytest.fixture
def work() -> Work:
    return Work()


def test_a_result_is_made_once(work: Work):
    cache = TextCaches(100_000, bytes(32)).of("acme", "caller", "policy")
    assert [cache.recall("find", ("plain", "text"), work) for _ in range(3)] == ["result 1"] * 3


@pytest.mark.parametrize(
    "other", [("globex", "caller", "policy"), ("acme", "else", "policy"), ("acme", "caller", "new")]
)
def test_nothing_is_shared_between_tenants_callers_and_policies(work: Work, other: tuple[str, str, str]):
    caches = TextCaches(100_000, bytes(32))
    caches.of("acme", "caller", "policy").recall("find", ("text",), work)
    assert caches.of(*other).recall("find", ("text",), work) == "result 2"


@pytest.mark.parametrize(
    ("function", "key"),
    [("other", ("a", "b")), ("find", ("ab", "")), ("find", ("", "ab")), ("find", ("a", "b", "")), ("finda", ("b",))],
)
def test_all_that_a_function_reads_is_in_the_key(work: Work, function: str, key: tuple[str, ...]):
    """Wrong: texts that are joined without their lengths."""
    cache = TextCaches(100_000, bytes(32)).of("acme", "caller", "policy")
    cache.recall("find", ("a", "b"), work)
    assert cache.recall(function, key, work) == "result 2"


def test_a_failure_is_not_kept(work: Work):
    cache = TextCaches(100_000, bytes(32)).of("acme", "caller", "policy")
    work.fails = True
    for _ in range(2):
        with pytest.raises(ValueError, match="not judged"):
            cache.recall("find", ("text",), work)
    work.fails = False
    assert cache.recall("find", ("text",), work) == "result 3"


def test_bytes_are_bounded_and_the_oldest_go(work: Work):
    caches = TextCaches(100_000, bytes(32))
    cache = caches.of("acme", "caller", "policy")
    for number in range(100):
        cache.recall("find", (str(number),), work, lambda _: 1_000)
        assert caches.held_bytes <= 100_000
    assert cache.recall("find", ("99",), work) == "result 100"
    assert cache.recall("find", ("0",), work) == "result 101"


def test_what_is_larger_than_the_bound_is_not_kept(work: Work):
    cache = TextCaches(100_000, bytes(32)).of("acme", "caller", "policy")
    for _ in range(2):
        cache.recall("find", ("text",), work, lambda _: 1_000_000)
    assert work.calls == 2


def test_results_expire(work: Work):
    now = [0.0]
    cache = TextCaches(100_000, bytes(32), lambda: now[0], seconds=60).of("acme", "caller", "policy")
    for at, wanted in ((0, "result 1"), (59, "result 1"), (61, "result 2")):
        now[0] = at
        assert cache.recall("find", ("text",), work) == wanted


def test_no_bytes_are_no_cache(work: Work):
    cache = TextCaches(0, bytes(32)).of("acme", "caller", "policy")
    assert [cache.recall("find", ("text",), work) for _ in range(2)] == ["result 1", "result 2"]


def test_the_text_is_not_in_the_keys(work: Work):
    """Wrong: keys by the text's own hash, which another process could make."""
    caches = TextCaches(100_000, bytes(32)), TextCaches(100_000, bytes([1]) * 32)
    for each in caches:
        each.of("acme", "caller", "policy").recall("find", ("a secret",), work)
    first, second = (set(each._kept) for each in caches)
    assert first.isdisjoint(second)
    assert all(len(key[0]) == 32 and "secret" not in str(key[1:]) for key in first | second)
