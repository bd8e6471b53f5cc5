"""Answers in the customer's language: which one, how the customer is addressed, what their words tell."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from inference.analysis import Analysis
from server.chat.writer import BuiltInWriter, PhraseError, Situation, Spoken, Written, parse_phrases
from server.chat.writer.cues import localised
from server.chat.writer.marks import opened
from server.contents import Phrases, read_phrases, writer_of
from server.errors import StartupError
from tests.unit.writer.support import PHRASES, analysis, book, persona, personas, situation
from tests.unit.writer.test_properties import check_text

GERMAN, SPANISH = "de", "es"
CASUAL, FORMAL = personas()["enthusiastic"], personas()["professional"]


@cache
def shipped() -> Phrases:
    return read_phrases(PHRASES.parent)


WRITER = BuiltInWriter(shipped())


def foreign(language: str, confidence: float = 1.0) -> Analysis:
    """What the model makes of a text in a language that it has not learnt."""
    guess = analysis("oos", "other", confidence=0.3, oos=0.8, language=language)
    return replace(guess, language_confidence=confidence)


def said(text: str, language: str, who: Any = None, seed: int = 1, **changes: Any) -> Written:
    """The answer to a text in a language."""
    confidence = changes.pop("confidence", 1.0)
    asked = situation(foreign(language, confidence), who or persona(), text=text)
    return WRITER.write(replace(asked, **changes), random.Random(seed))


def spoken_of(written: Written) -> Spoken:
    assert written.spoken is not None
    return written.spoken


class TestWhichLanguage:
    @pytest.mark.parametrize(
        ("language", "confidence", "before", "expected"),
        [
            ("de", 0.5, None, "de"),
            ("und", 0.0, None, "en"),
            ("fr", 1.0, None, "en"),
            ("und", 0.0, "es", "es"),
            ("en", 0.73, "de", "de"),  # "ok"
            ("en", 1.0, "de", "en"),
            ("es", 0.7, "de", "de"),
            ("es", 0.9, "de", "es"),
            ("de", 1.0, "xx", "de"),
            ("und", 0.0, "xx", "en"),
        ],
    )
    def test_the_customers_else_the_conversations_else_the_default(
        self, language: str, confidence: float, before: str | None, expected: str
    ) -> None:
        spoken = None if before is None else Spoken(before, None)
        assert spoken_of(said("4711", language, spoken=spoken, confidence=confidence)).language == expected

    def test_the_default_is_the_settings(self) -> None:
        writer = BuiltInWriter(shipped(), "es")
        answer = writer.write(situation(foreign("und"), persona(), text="4711"), random.Random(1))
        assert spoken_of(answer).language == "es"
        assert "¿" in answer.text or "o" in answer.text

    def test_an_unknown_language_is_told_which_ones_there_are(self) -> None:
        texts = {said("je ne sais pas", "fr", seed=seed, spoken=Spoken("de", True)).text for seed in range(8)}
        assert any("Deutsch, Englisch und Spanisch" in text for text in texts)
        assert said("je ne sais pas", "fr", confidence=0.4, spoken=Spoken("de", True)).kind != "other_language"

    def test_an_apology_stays_in_the_conversations_language(self) -> None:
        answer = WRITER.error(FORMAL, random.Random(1), Spoken("de", True))
        assert spoken_of(answer) == Spoken("de", True)
        assert answer.suggestions == ("Mit einem Menschen sprechen",)
        assert spoken_of(WRITER.error(FORMAL, random.Random(1))).language == "en"

    def test_what_was_noted_comes_back(self) -> None:
        for spoken in (Spoken("de", False), Spoken("en")):
            assert Spoken.noted(spoken.note()) == spoken
        assert Spoken.noted(None) is None


class TestAddress:
    @pytest.mark.parametrize(
        ("language", "informal", "formal"),
        [("de", {"du", "dir", "dich", "dein", "deine"}, {"Sie", "Ihnen", "Ihre", "Ihr"}),
         ("es", {"te", "tu", "tienes", "ti"}, {"le", "usted", "su"})],
    )  # fmt: skip
    def test_follows_the_personas_formality(self, language: str, informal: set[str], formal: set[str]) -> None:
        text = {"de": "guten tag", "es": "buenas"}[language]
        for who, wanted, unwanted in ((CASUAL, informal, formal), (FORMAL, formal, informal)):
            words = {
                word.strip(".,:;!?¿¡“”")
                for seed in range(30)
                for word in said(text, language, who, seed, previous_intent=None).text.split()
            }
            assert words & wanted and not words & (unwanted - {"Sie"})

    def test_a_conversation_keeps_its_address(self) -> None:
        for formal in (True, False):
            answer = said("wo ist mein paket?", "de", CASUAL, spoken=Spoken("de", formal))
            assert spoken_of(answer).formal is formal

    @pytest.mark.parametrize(
        ("text", "who", "before", "formal"),
        [
            ("kannst du mir helfen", persona(formality=0.5), None, False),
            ("kannst du mir helfen", FORMAL, None, True),
            ("kannst du mir helfen", CASUAL, True, False),
            ("können Sie mir helfen", CASUAL, None, True),
            ("können Sie mir helfen", CASUAL, False, True),
        ],
    )
    def test_the_customers_own_address(self, text: str, who: Any, before: bool | None, formal: bool) -> None:
        spoken = None if before is None else Spoken("de", before)
        assert spoken_of(said(text, "de", who, spoken=spoken)).formal is formal

    def test_english_has_but_one(self) -> None:
        assert spoken_of(WRITER.write(situation(), random.Random(1))) == Spoken("en", None)


class TestWhatWordsTell:
    @pytest.mark.parametrize(
        ("language", "text", "act"),
        [
            ("de", "Hallo!", "greeting"),
            ("de", "Wo ist mein Paket", "question"),
            ("de", "Hallo, ich möchte stornieren", "request"),
            ("de", "Das ist eine Frechheit", "complaint"),
            ("de", "Danke, tschüss", "goodbye"),
            ("de", "nein danke", "deny"),
            ("de", "Der Pulli ist blau", "other"),
            ("es", "hola buenas", "greeting"),
            ("es", "donde esta mi pedido", "question"),  # as it is typed, without accents
            ("es", "Quiero devolver esto", "request"),
            ("es", "esto es inaceptable", "complaint"),
            ("es", "muchas gracias", "thanks"),
        ],
    )
    def test_acts(self, language: str, text: str, act: str) -> None:
        assert localised(foreign(language), text, shipped()[language]).act == act

    def test_feelings(self) -> None:
        german = shipped()[GERMAN]
        angry = localised(foreign("de"), "Das ist unverschämt!", german)
        assert angry.emotions["anger"] == max(angry.emotions.values()) and angry.sentiment.score < -0.25
        glad = localised(foreign("de"), "Das ist ja super", german)
        assert glad.sentiment.score > 0.25
        plain = localised(replace(foreign("de"), sentiment=angry.sentiment), "Wo ist mein Paket?", german)
        assert plain.sentiment.score == 0.0  # the model's guess in a language that it doesn't know
        assert localised(foreign("de"), "Es ist dringend", german).urgency >= 0.7

    def test_english_is_the_models(self) -> None:
        found = analysis()
        assert localised(found, "hello", shipped()["en"]) is found

    def test_own_intents_stay(self) -> None:
        own = replace(foreign("de"), sure=True, out_of_scope=0.1)
        assert localised(own, "Wo ist er?", shipped()[GERMAN]).out_of_scope == 0.1


@pytest.mark.parametrize("language", [GERMAN, SPANISH])
@pytest.mark.parametrize("name", sorted(personas()))
def test_every_answer_is_clean(language: str, name: str) -> None:
    texts = {
        "de": ["Hallo", "Wo ist meine Bestellung?", "Ich will mein Geld zurück!", "danke", "asdf", "Unverschämtheit"],
        "es": ["Hola", "¿Dónde está mi pedido?", "Quiero mi dinero", "gracias", "asdf", "qué vergüenza"],
    }[language]
    for number, text in enumerate(texts):
        for seed in range(4):
            answer = said(text, language, personas()[name], seed, turn_number=1 + number)
            if language == GERMAN:
                check_text(answer.text)
            check_spanish(answer.text) if language == SPANISH else None
            assert all(phrase in ids_of(language) or "style." in phrase for phrase in answer.phrases)


def check_spanish(text: str) -> None:
    assert text.count("¿") == text.count("?") <= 1
    assert text.count("¡") == text.count("!")
    assert "[" not in text and "{" not in text and "  " not in text


@cache
def ids_of(language: str) -> frozenset[str]:
    return frozenset(phrase.id for phrase in shipped()[language].phrases())


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Claro!", "¡Claro!"),
        ("¡Claro.", "Claro."),
        ("¡Hola! Ya está.", "¡Hola! Ya está."),
        ("Bien. Genial! ¿Qué más?", "Bien. ¡Genial! ¿Qué más?"),
        ("Vale, ¿qué más?", "Vale, ¿qué más?"),
    ],
)
def test_spanish_marks(text: str, marked: str) -> None:
    assert opened(text) == marked


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"cue_words": {"greetings": ["hi"]}}, "cue_words: unknown key 'greetings'. Did you mean 'greeting'"),
        ({"cue_words": {"thanks": ["merci"], "joy": ["merci"]}}, "tells 'thanks' already"),
        ({"own_words": {"orders": "x"}}, "unknown key 'orders'"),
        ({"personas": {"warm": {"greeting": ["Hi."]}}}, "personas.warm: unknown key 'greeting'"),
        ({"personas": {"warm": {"greetings": [1]}}}, "personas.warm.greetings[1]: this is no text"),
        ({"suggest": {"thanks": ["Where is {ordr}?"]}}, "suggest.thanks[1]: unknown slot {ordr}"),
    ],
)
def test_what_is_wrong_is_told(entry: dict[str, Any], problem: str) -> None:
    documents = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in (PHRASES.parent / "de").glob("*.yaml")}
    with pytest.raises(PhraseError) as error:
        parse_phrases({**documents, "zz.yaml": entry}, "de")
    assert problem in str(error.value)


WAITING = {
    "en": ["where is my order", "it's #4711", "still waiting", "where is it", "when will it come", "still not here"],
    "de": ["wo ist meine Bestellung", "#4711", "ich warte seit Tagen", "wann kommt mein Paket", "noch nicht da", "wo?"],
    "es": ["dónde está mi pedido", "#4711", "sigo esperando", "cuándo llega", "no ha llegado", "dónde está el paquete"],
}
"""Six messages about one topic: the phrases of eight personas, turn by turn, are to last."""


class TestConversations:
    def test_it_is_the_order_that_was_named_before(self) -> None:
        known = {"order": "order #4711"}
        asked = situation(
            analysis("oos", "question", oos=0.9), text="can I return it?", previous="order_status", known=known
        )
        answer = WRITER.write(asked, random.Random(1))
        assert answer.intent == "return_item" and "order #4711" in answer.text
        assert answer.known["order"] == "order #4711"

    @pytest.mark.parametrize(
        ("text", "topic"), [("can I cancel it?", "cancel_order"), ("I want to return it", "return_item")]
    )
    def test_a_sure_model_yields_to_words_that_it_has_not_learnt(self, text: str, topic: str) -> None:
        guess = {"cancel_order": "cancel", "return_item": "order"}[topic]
        asked = situation(
            analysis(guess, "request"), text=text, previous="order_status", known={"order": "order #4711"}
        )
        answer = WRITER.write(asked, random.Random(1))
        assert answer.intent == topic and "order #4711" in answer.text.lower()

    def test_a_wish_for_a_person_is_no_new_mishap(self) -> None:
        asked = situation(analysis("oos", "request", oos=0.9), personas()["warm"], text="talk to a human")
        asked = replace(asked, previous_intent="report_lost_card")
        for seed in range(10):
            written = WRITER.write(asked, random.Random(seed))
            assert written.kind == "handover" and not any("empathy" in one for one in written.phrases)

    def test_it_is_not_where_nothing_points_to_it(self) -> None:
        asked = situation(
            analysis("oos", "question", oos=0.9), text="do you take returns", previous="order_status",
            known={"order": "order #4711"},
        )  # fmt: skip
        asked = replace(asked, text="I want to return something", analysis=analysis("oos", "request", oos=0.9))
        answer = WRITER.write(asked, random.Random(1))
        assert "4711" not in answer.text
        later = replace(asked, text="return that order", previous_intent=answer.intent, known=answer.known)
        assert "4711" in WRITER.write(later, random.Random(1)).text

    def test_an_order_is_called_by_the_answers_language(self) -> None:
        answer = said(
            "Kann ich sie stornieren?", "de", previous_intent="order_status", known={"order": "order #4711"},
            spoken=Spoken("en"),
        )  # fmt: skip
        assert "Bestellung #4711" in answer.text and answer.known["order"] == "Bestellung #4711"

    @pytest.mark.parametrize("language", ["en", "de", "es"])
    def test_no_sentence_comes_twice(self, language: str) -> None:
        """Whichever worker answers: only what the ledger's notes keep is carried from turn to turn."""
        for seed in range(3):
            used: list[str] = []
            sentences: list[str] = []
            previous: str | None = None
            known: Mapping[str, str] = {}
            spoken: Spoken | None = None
            for number, text in enumerate(WAITING[language], start=1):
                found = foreign(language) if language != "en" else analysis("order_status", "question")
                who = sorted(personas().values(), key=lambda one: one.name)[(seed + number) % len(personas())]
                asked = Situation(found, who, text, number, tuple(used), previous, None, known, spoken=spoken)
                answer = WRITER.write(asked, random.Random(seed * 100 + number))
                assert not set(answer.phrases) & set(used), answer.text
                used += answer.phrases
                sentences += [one for one in re.split(r"[.!?] ", answer.text) if len(one) > 20]
                previous, known, spoken = answer.intent, answer.known, Spoken.noted(spoken_of(answer).note())
            assert len(set(sentences)) == len(sentences)

    def test_a_button_names_the_order(self) -> None:
        asked = situation(analysis(entities=(("order_id", "#4711"),)), persona(proactivity=0.9))
        assert "Cancel order #4711" in WRITER.write(asked, random.Random(1)).suggestions
        assert not any("{" in one for one in WRITER.write(situation(), random.Random(1)).suggestions)


def test_a_writer_of_one_book_answers_in_its_language() -> None:
    assert spoken_of(BuiltInWriter(book()).write(situation(foreign("de")), random.Random(1))).language == "en"
    alone = BuiltInWriter({"de": shipped()["de"]}).write(situation(foreign("und"), text="hm"), random.Random(1))
    assert spoken_of(alone).language == "de"


def test_a_default_language_without_phrases_is_refused() -> None:
    with pytest.raises(StartupError, match="no phrases in the default_language 'fr'"):
        writer_of(shipped(), None, "fr")


def test_a_folder_of_files_alone_is_english(tmp_path: Path) -> None:
    (tmp_path / "es").mkdir()
    for name in ("en", "es"):
        for file in (PHRASES.parent / name).glob("*.yaml"):
            shutil.copy(file, tmp_path / "es" if name == "es" else tmp_path)
    assert list(read_phrases(tmp_path)) == ["en", "es"]
    (tmp_path / "es" / "zz.yaml").write_text("phrases: {thanks: [1]}\n")
    with pytest.raises(StartupError, match=r"es/zz\.yaml: phrases\.thanks\[1\]"):
        read_phrases(tmp_path)
