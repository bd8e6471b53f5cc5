"""What variants do to a turn, each kind of change, and what is refused since it could not act."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.experiments.changes import CHANGE_KINDS, Change
from adapters.experiments.design import Experiment, Variant
from adapters.experiments.targeting import Rule
from adapters.personas import Persona
from adapters.traits import Traits
from server.chat.treatments import NO_TREATMENT, TONES, Treatment, objections, treatment_of
from server.chat.variant_policies import still
from server.chat.writer import BuiltInWriter, Situation, Written
from server.contents import read_personas, read_phrases, writer_of
from server.settings.model import PACKAGES
from tests.unit.chat.laboratory import CAN, CONTEXT, policy
from tests.unit.chat.test_memory import analysis

PLAIN = Persona("plain", "Plain", "plain", Traits().as_dict(), {})
DOUBTFUL = replace(analysis(), intent_confidence=0.3, act="request")


def treated(*changes: tuple[str, dict[str, Any]]) -> Treatment:
    return treatment_of(
        [("log", Change(kind, values)) for kind, values in changes], lambda log, change: still(log, change, policy)
    )


def heard(treatment: Treatment, found: Any, *, asked_back: bool = False, previous: str | None = None) -> bool | None:
    reading = treatment.reading(found, asked_back=asked_back, previous_intent=previous)
    assert reading.intent == found.intent
    sure: bool | None = reading.sure
    return sure


class TestVoice:
    def test_no_change_is_the_persona_itself(self) -> None:
        assert NO_TREATMENT.voice(PLAIN) is PLAIN

    def test_overrides_then_adjustments_within_bounds(self) -> None:
        voice = treated(
            ("trait_adjustments", {"humor": 0.2, "empathy": 0.9, "formality": -0.9}),
            ("trait_overrides", {"humor": 0.1}),
        ).voice(PLAIN)
        assert voice.traits["humor"] == pytest.approx(0.3)
        assert (voice.traits["empathy"], voice.traits["formality"], voice.traits["openness"]) == (1.0, 0.0, 0.5)
        assert (voice.name, PLAIN.traits["humor"]) == ("plain", 0.5)

    @pytest.mark.parametrize("tone", list(TONES))
    def test_a_tone_is_traits(self, tone: str) -> None:
        traits = treated(("writer_style", {"tone": tone, "verbosity": 0.1})).voice(PLAIN).traits
        assert {name: traits[name] for name in TONES[tone]} == TONES[tone]
        assert traits["verbosity"] == 0.1

    def test_two_styles_sound_different(self) -> None:
        writer, personas = shipped()
        said: dict[str, str] = {}
        for tone in ("professional", "friendly"):
            voice = treated(("writer_style", {"tone": tone})).voice(personas[0])
            situation = Situation(analysis(intent="order_status"), voice, "Where is my order?", 1, (), None, None)
            said[tone] = " ".join(writer.write(situation, random.Random(seed)).text for seed in range(20))
        assert said["friendly"].count("'") > 2 * said["professional"].count("'"), "contractions"


class TestWhoDecides:
    def test_the_last_word_counts(self) -> None:
        found = treated(("persona", {"name": "calm"}), ("persona", {"name": "warm"}))
        assert (found.persona, found.policy, found.log) == ("warm", None, "log")

    def test_a_policy_of_its_own(self) -> None:
        found = treated(("policy", {"name": "fixed", "arm": "warm"}))
        assert found.policy is not None and found.persona is None
        assert (found.policy.name, found.policy.choose(CONTEXT).arm) == ("log", "warm")


class TestAskingBack:
    def test_immediate_is_as_ever(self) -> None:
        assert heard(NO_TREATMENT, DOUBTFUL) is None

    def test_after_failure_answers_a_guess_first(self) -> None:
        late = treated(("flow", {"clarification": "after_failure"}))
        assert heard(late, DOUBTFUL) is True
        assert heard(late, DOUBTFUL, previous="order_status") is None, "still at the same"
        assert heard(late, replace(DOUBTFUL, act="deny")) is None
        assert heard(late, replace(DOUBTFUL, out_of_scope=0.9)) is None, "no guess at all"
        assert heard(late, analysis()) is None

    def test_proactive_asks_about_what_is_hardly_sure_once_in_a_row(self) -> None:
        early = treated(("flow", {"clarification": "proactive"}))
        hesitant = replace(analysis(), intent_confidence=0.6)
        assert heard(early, hesitant) is False
        assert heard(early, hesitant, asked_back=True) is None
        assert heard(early, analysis()) is None
        assert heard(early, replace(hesitant, sure=True)) is True, "the user's own intents know"

    def test_the_writer_does_so(self) -> None:
        writer, personas = shipped()

        def kind(treatment: Treatment, found: Any) -> str:
            read = treatment.reading(found, asked_back=False, previous_intent=None)
            return writer.write(
                Situation(read, personas[0], "it is about it", 2, (), None, None), random.Random(0)
            ).kind

        hesitant = replace(DOUBTFUL, intent_confidence=0.6)
        assert kind(NO_TREATMENT, DOUBTFUL) == "clarification"
        assert kind(treated(("flow", {"clarification": "after_failure"})), DOUBTFUL) == "request"
        assert kind(NO_TREATMENT, hesitant) == "request"
        assert kind(treated(("flow", {"clarification": "proactive"})), hesitant) == "clarification"


class TestTemplates:
    WRITTEN = Written("as ever", ("p1",), ("More?",), "question", "refund")

    @pytest.mark.parametrize(("templates", "text"), [
        ({"question": "A"}, "A"), ({"refund": "B"}, "B"), ({"refund": "B", "question": "A"}, "A"),
        ({"greeting": "C"}, "as ever"),
    ])  # fmt: skip
    def test_by_kind_then_by_intent(self, templates: dict[str, str], text: str) -> None:
        assert treated(("reply_templates", templates)).wording(self.WRITTEN).text == text

    def test_a_courtesy_is_not_about_the_topic(self) -> None:
        thanks = replace(self.WRITTEN, kind="thanks")
        assert treated(("reply_templates", {"refund": "B"})).wording(thanks) is thanks

    def test_nothing_was_said_that_could_not_be_said_again(self) -> None:
        assert treated(("reply_templates", {"question": "A"})).wording(self.WRITTEN).phrases == ()


class TestHandingOver:
    @pytest.mark.parametrize(("change", "score", "urgency", "turn", "wanted"), [
        (("escalation", {"sentiment_below": -0.5}), -0.51, 0.0, 1, "sentiment -0.51"),
        (("escalation", {"sentiment_below": -0.5}), -0.5, 1.0, 99, None),
        (("escalation", {"urgency_at_least": 0.8}), -1.0, 0.8, 1, "urgency 0.80"),
        (("escalation", {"urgency_at_least": 0.8}), -1.0, 0.79, 1, None),
        (("flow", {"handoff_threshold": 0.6}), -0.6, 0.1, 1, "urgency 0.10, sentiment -0.60"),
        (("flow", {"handoff_threshold": 0.6}), 0.9, 0.59, 1, None),
        (("flow", {"max_turns": 3}), 0.0, 0.0, 3, "3 turns without an end"),
        (("flow", {"max_turns": 3}), 0.0, 0.0, 2, None),
    ])  # fmt: skip
    def test_by_each_rule(
        self, change: tuple[str, dict[str, Any]], score: float, urgency: float, turn: int, wanted: str | None
    ) -> None:
        assert treated(change).person_wanted(replace(analysis(score), urgency=urgency), turn) == wanted
        assert NO_TREATMENT.person_wanted(replace(analysis(score), urgency=urgency), turn) is None


class TestWhatCannotAct:
    @staticmethod
    def said(*changes: Change, **own: Any) -> list[str]:
        made = Experiment("e", (Variant("today"), Variant("new", 1, changes)), ("satisfaction",), **own)
        return list(objections(made, CAN))

    @pytest.mark.parametrize(("change", "sentence"), [
        (Change("persona", {"name": "wram"}), "there is no persona 'wram'. Did you mean 'warm'"),
        (Change("policy", {"name": "lints", "alhpa": 1.0}), "Did you mean 'alpha'"),
        (Change("policy", {"name": "unifrom"}), "Did you mean 'uniform'"),
        (Change("policy", {"name": "fixed", "arm": "cold"}), "cold"),
        (Change("policy", {"name": "uniform", "floor": 0.1}), "has no parameter 'floor'"),
        (Change("reply_templates", {"greting": "Hi."}), "Did you mean 'greeting'"),
        (Change("reply_templates", {"error": "Oops."}), "no kind of answer and no intent 'error'"),
        (Change("reply_templates", {"refund": "x" * 2_001}), "at most 2,000 characters"),
        (Change("model_parameters", {"temperature": 0.2}), "without a language model"),
    ])  # fmt: skip
    def test_is_refused_with_what_to_do(self, change: Change, sentence: str) -> None:
        (found,) = self.said(change)
        assert sentence in found and found.startswith(f"variant 'new', {change.kind}: ")

    def test_a_policy_that_learns_where_nobody_teaches_it(self) -> None:
        own = Experiment(
            "e", (Variant("today"), Variant("new", 1, (Change("policy", {"name": "lints"}),))), ("satisfaction",)
        )
        assert not list(objections(own, CAN))
        (found,) = objections(own, replace(CAN, learns=False))
        assert "policy_mode = apprentice" in found

    def test_a_persona_beside_a_policy(self) -> None:
        (found,) = self.said(Change("persona", {"name": "warm"}), Change("policy", {"name": "uniform"}))
        assert "nothing to choose" in found

    def test_an_attribute_that_nobody_knows(self) -> None:
        (found,) = self.said(rules=(Rule("langauge", "is", ("en",)),))
        assert "Did you mean 'language'" in found

    def test_parameters_of_a_language_model_that_there_is(self) -> None:
        can = replace(CAN, parameters=("temperature", "max_tokens"))
        given: list[dict[str, Any]] = [
            {"temperature": 0.2, "max_tokens": 200.0}, {"temprature": 0.2}, {"temperature": 2.5}, {"max_tokens": 9.5},
        ]  # fmt: skip
        made = [Change("model_parameters", values) for values in given]
        own = Experiment("e", (Variant("today"), Variant("new", 1, tuple(made))), ("satisfaction",))
        assert [text.partition(": ")[2] for text in objections(own, can)] == [
            "there is no parameter 'temprature'. Did you mean 'temperature'?",
            "temperature: 2.5 is not a number from 0.0 to 2.0.",
            "max_tokens: 9.5 is not a whole number from 1 to 8000.",
        ]
        assert treated(("model_parameters", {"temperature": 0.2})).parameters == {"temperature": 0.2}

    def test_every_kind_of_change_can_act_somewhere(self) -> None:
        acting: dict[str, dict[str, Any]] = {
            "persona": {"name": "warm"},
            "trait_adjustments": {"humor": 0.1},
            "trait_overrides": {"humor": 0.1},
            "writer_style": {"tone": "neutral"},
            "escalation": {"sentiment_below": -0.5},
            "reply_templates": {"refund": "Yes."},
            "policy": {"name": "uniform"},
            "flow": {"max_turns": 9, "handoff_threshold": 0.5, "clarification": "proactive"},
            "model_parameters": {"temperature": 0.2},
        }
        assert set(acting) == set(CHANGE_KINDS)
        for kind, values in acting.items():
            assert treated((kind, values)) != NO_TREATMENT, kind
            assert bool(self.said(Change(kind, values))) == (kind == "model_parameters")


def shipped() -> tuple[BuiltInWriter, tuple[Persona, ...]]:
    """What ships, read once."""
    if not _SHIPPED:
        phrases = read_phrases(PACKAGES / "server" / "chat" / "writer" / "phrases" / "en")
        _SHIPPED.append((writer_of(phrases, None), read_personas(Path(PACKAGES / "adapters" / "personas.yaml"))))
    return _SHIPPED[0]


_SHIPPED: list[tuple[BuiltInWriter, tuple[Persona, ...]]] = []
