"""The cache: bounded, least recently used out first, a hit says that it is one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference.cache import AnalysisCache, as_hit
from tests.unit.inference.support import analysis


def test_what_was_put_is_found() -> None:
    cache, stored = AnalysisCache(2), analysis()
    assert cache.get("a") is None
    cache.put("a", stored)
    assert cache.get("a") is stored
    assert (cache.hits, cache.misses, len(cache)) == (1, 1, 1)


def test_the_one_unused_for_longest_goes() -> None:
    cache = AnalysisCache(2)
    cache.put("a", analysis())
    cache.put("b", analysis())
    cache.get("a")
    cache.put("c", analysis())
    assert cache.get("b") is None
    assert cache.get("a") is not None
    assert cache.get("c") is not None


def test_putting_again_renews_and_replaces() -> None:
    cache = AnalysisCache(2)
    cache.put("a", analysis("balance"))
    cache.put("b", analysis())
    cache.put("a", analysis("weather"))
    cache.put("c", analysis())
    found = cache.get("a")
    assert found is not None
    assert found.intent == "weather"
    assert cache.get("b") is None


def test_without_entries_it_is_off() -> None:
    cache = AnalysisCache(0)
    cache.put("a", analysis())
    assert cache.get("a") is None
    assert len(cache) == 0


@given(st.integers(1, 5), st.lists(st.tuples(st.booleans(), st.sampled_from("abcdefgh"))))
def test_it_is_an_lru_of_its_size(entries: int, steps: list[tuple[bool, str]]) -> None:
    cache, recent = AnalysisCache(entries), list[str]()
    for putting, text in steps:
        if putting:
            cache.put(text, analysis(text))
        else:
            found = cache.get(text)
            assert (found is not None) == (text in recent)
            assert found is None or found.intent == text
        if putting or text in recent:
            recent = [*(other for other in recent if other != text), text][-entries:]
        assert len(cache) == len(recent)


def test_a_hit_is_the_same_analysis_with_its_own_latency_and_emotions() -> None:
    stored = analysis()
    hit = as_hit(stored, 7)
    assert (hit.cached, hit.latency_us) == (True, 7)
    assert (stored.cached, stored.latency_us) == (False, 1_000)
    assert {**hit.to_wire(), "cached": False, "latency_us": 1_000} == stored.to_wire()
    hit.emotions["joy"] = 9.0
    assert stored.emotions["joy"] != 9.0
    assert hit.embedding is stored.embedding
