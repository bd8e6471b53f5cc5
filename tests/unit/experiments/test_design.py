"""The life of an experiment, what its variants may change, and the templates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.experiments.changes import CHANGE_KINDS, Change
from adapters.experiments.design import DAY_MS, Experiment, ExperimentError, Variant
from adapters.experiments.templates import TEMPLATES, from_template

DRAFT = Experiment("tone-1", (Variant("today"), Variant("warm", 3)), ("satisfaction",))


class TestLife:
    def test_draft_running_paused_completed(self) -> None:
        running = DRAFT.start(1_000)
        assert (running.state, running.started_ms) == ("running", 1_000)
        again = running.pause().start(9_000)
        assert again == running, "time counts from the first start"
        done = again.complete(1_000 + 3 * DAY_MS, "warm")
        assert (done.state, done.winner, done.days(10**15)) == ("completed", "warm", 3.0)
        assert (running.days(1_000 + DAY_MS), DRAFT.days(10**15)) == (1.0, 0.0)

    @pytest.mark.parametrize(("state", "verb"), [
        ("draft", "pause"), ("draft", "complete"), ("running", "start"), ("paused", "pause"), ("completed", "start"),
        ("completed", "pause"), ("completed", "complete"), ("completed", "ramp"),
    ])  # fmt: skip
    def test_what_a_state_does_not_allow(self, state: Any, verb: str) -> None:
        own = replace(DRAFT, state=state)
        verbs = {"start": own.start, "complete": own.complete, "ramp": own.ramp}
        with pytest.raises(ExperimentError, match=f"'tone-1' is {state}: only .* ones can {verb}"):
            _ = verbs[verb](1) if verb in verbs else own.pause()

    def test_exposure_only_grows_once_started(self) -> None:
        half = DRAFT.ramp(0.5).start(0)
        assert half.ramp(0.7).exposure == 0.7
        assert DRAFT.ramp(0.5).ramp(0.1).exposure == 0.1
        with pytest.raises(ExperimentError, match=r"can't fall from 0\.5 to 0\.4 once started"):
            half.ramp(0.4)
        with pytest.raises(ExperimentError, match="exposure is 2"):
            half.ramp(2.0)

    def test_who_gets_what_in_each_state(self) -> None:
        running = DRAFT.start(0)
        assert DRAFT.variant("u", {}) is None
        assert running.variant("u", {}) == running.allocation.variant("u", {}) in ("today", "warm")
        assert running.pause().variant("u", {}) is None
        assert running.pause().variant("u", {}, kept="warm") == "warm"
        assert running.pause().variant("u", {}, kept="gone") is None
        assert running.complete(1, "warm").variant("u", {}, kept="today") == "warm"
        assert running.complete(1).variant("u", {}) is None
        assert running.complete(1, "warm").withdraw().variant("u", {}) is None
        with pytest.raises(ExperimentError, match="is running: only completed ones can withdraw"):
            running.withdraw()


class TestDefaults:
    def test_of_the_issue(self) -> None:
        assert (DRAFT.min_units, DRAFT.alpha, DRAFT.max_days, DRAFT.method) == (100, 0.05, 30, "sequential")
        assert (DRAFT.control, DRAFT.allocation.salt) == ("today", "tone-1")

    @pytest.mark.parametrize(("change", "sentence"), [
        ({"id": "Tone 1"}, "lower-case letters"),
        ({"variants": (Variant("a"),)}, "at least two variants"),
        ({"variants": (Variant("a"), Variant("a"))}, "different names"),
        ({"variants": (Variant("a"), Variant("b", 0))}, "a weight of at least 1"),
        ({"metrics": ()}, "at least one metric"),
        ({"metrics": ("satisfacton",)}, "Did you mean 'satisfaction'"),
        ({"guardrails": {"speed": 0.1}}, "no metric 'speed'"),
        ({"guardrails": {"resolution": 1.5}}, r"give guardrails\.resolution between 0 and 1"),
        ({"alpha": 0.0}, "give alpha between 0 and 1"),
        ({"exposure": -0.1}, "give a share from 0 to 1"),
        ({"planned_units": 199}, "2 × min_units"),
        ({"max_days": 0}, "max_days above 0"),
        ({"metrics": ("conversion",)}, "conversion needs a goal"),
        ({"guardrails": {"retention": 0.1}, "retention_days": 40}, "retention_days above 1 and at most max_days"),
        ({"winner": "cold"}, "the winner 'cold' is no variant"),
    ])  # fmt: skip
    def test_what_is_refused(self, change: dict[str, Any], sentence: str) -> None:
        with pytest.raises(ExperimentError, match=sentence):
            replace(DRAFT, **change)


class TestTemplates:
    @pytest.mark.parametrize(("name", "variants", "users"), [
        ("response_style", ["professional", "friendly"], 500),
        ("personality", ["helpful", "knowledgeable_detailed", "friendly_proactive"], 750),
    ])  # fmt: skip
    def test_they_are_ready(self, name: str, variants: list[str], users: int) -> None:
        own = from_template(name, "mine").start(0)
        assert [variant.name for variant in own.variants] == variants
        assert {variant.weight for variant in own.variants} == {1}
        assert own.planned_units == users
        assert all(variant.changes for variant in own.variants)

    def test_an_unknown_one(self) -> None:
        assert set(TEMPLATES) == {"response_style", "personality"}
        with pytest.raises(ValueError, match="Did you mean 'personality'"):
            from_template("personalty", "x")


class TestChanges:
    @pytest.mark.parametrize(("kind", "values"), [
        ("persona", {"name": "warm"}),
        ("trait_adjustments", {"empathy": -0.2}),
        ("trait_overrides", {"humor": 0.0}),
        ("writer_style", {"tone": "friendly", "verbosity": 0.3}),
        ("escalation", {"sentiment_below": -0.6}),
        ("reply_templates", {"greeting": "Hello!"}),
        ("policy", {"name": "linucb", "alpha": 0.5}),
        ("flow", {"handoff_threshold": 0.4, "max_turns": 12, "clarification": "after_failure"}),
        ("model_parameters", {"temperature": 0.7}),
    ])  # fmt: skip
    def test_every_kind(self, kind: str, values: dict[str, Any]) -> None:
        change = Change(kind, values)
        assert dict(change.values) == values
        with pytest.raises(TypeError):
            change.values["x"] = 1  # type: ignore[index]

    def test_all_kinds_were_tried(self) -> None:
        assert len(CHANGE_KINDS) == 9

    @pytest.mark.parametrize(("kind", "values", "sentence"), [
        ("personas", {"name": "x"}, "Did you mean 'persona'"),
        ("flow", {}, "changes nothing"),
        ("flow", {"max_turn": 3}, "Did you mean 'max_turns'"),
        ("flow", {"clarification": "never"}, "immediate, after_failure, proactive"),
        ("trait_overrides", {"humor": -0.1}, "a number from 0 to 1"),
        ("trait_adjustments", {"humor": True}, "a number from -1 to 1"),
        ("reply_templates", {"greeting": " "}, "give a text"),
        ("model_parameters", {"temperature": float("inf")}, "a finite number"),
    ])  # fmt: skip
    def test_what_is_refused(self, kind: str, values: dict[str, Any], sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            Change(kind, values)
