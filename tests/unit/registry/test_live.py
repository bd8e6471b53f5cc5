"""What is counted of each version."""

from __future__ import annotations

from dataclasses import replace

from inference.registry.comparison import HEADS, disagreements
from inference.registry.live import Live
from inference.registry.psi import DriftWindow
from tests.unit.inference.support import analysis


def test_versions_count_apart() -> None:
    live = Live()
    for model, latency_us in (("nlu-1", 1_000), ("nlu-1", 3_000), ("nlu-2", 9_000)):
        live.observe(replace(analysis(), model=model, latency_us=latency_us))
    live.observe(replace(analysis(), model="nlu-1", latency_us=7, cached=True))
    figures = live.figures()
    assert (figures["nlu-1"].answered, figures["nlu-2"].answered) == (3, 1)
    assert (figures["nlu-1"].latency_p50_us, figures["nlu-2"].latency_p50_us) == (2_000, 9_000)
    assert live.of("nlu-3").figures().latency_p50_us is None


def test_drift_is_told_once_there_is_enough() -> None:
    live = Live(lambda: DriftWindow(reference_turns=20, window_turns=10))
    for _ in range(20):
        live.observe(analysis("balance"))
    assert live.figures()["nlu-0.0.1"].psi == {}
    for _ in range(10):
        live.observe(replace(analysis("weather"), intent_confidence=0.2))
    psi = live.figures()["nlu-0.0.1"].psi
    assert set(psi) == {"class", "confidence"}
    assert min(psi.values()) > 0.25


def test_a_disagreement_is_another_likeliest_label() -> None:
    one = analysis()
    emotions = {**one.emotions, "anger": 0.9}
    other = replace(one, intent="weather", act="question", emotions=emotions, intent_confidence=0.1)
    assert disagreements(one, one) == ()
    assert disagreements(one, other) == ("intent", "act", "emotion")
    assert disagreements(other, one) == ("intent", "act", "emotion")
    negative = replace(other, sentiment=replace(one.sentiment, label="negative"))
    assert disagreements(one, negative) == HEADS
    assert disagreements(one, replace(one, emotions={**one.emotions, "joy": 0.9})) == ()


def test_intents_of_different_sets_are_not_compared() -> None:
    own = replace(analysis("refund"), sure=True)
    assert disagreements(own, analysis("weather")) == ()
    assert disagreements(own, replace(analysis("weather"), sure=False)) == ("intent",)
