"""The act by rules: what a table of messages does in a conversation, with and without the model's help."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import lexical
from inference.acts import ACTS, act
from inference.analysis import Act
from inference.lexicon import Lexicon
from tests.unit.inference.support import LEXICON

BY_FORM: list[tuple[Act, str]] = [
    ("greeting", "hi"),
    ("greeting", "Hello there!"),
    ("greeting", "hey everyone 👋"),
    ("greeting", "good morning"),
    ("greeting", "helo"),
    ("greeting", "heyyyy"),
    ("greeting", "how are you?"),
    ("greeting", "hello?? anyone there"),
    ("greeting", "hola"),
    ("greeting", "👋"),
    ("thanks", "thanks a lot!"),
    ("thanks", "thx"),
    ("thanks", "thank you so much for your help"),
    ("thanks", "great, thank you so much!!!"),
    ("thanks", "ok thanks"),
    ("thanks", "thnaks so much"),
    ("thanks", "thanks for fixing this so quickly"),
    ("thanks", "vielen dank"),
    ("thanks", "🙏"),
    ("goodbye", "ok bye"),
    ("goodbye", "see you later"),
    ("goodbye", "thank you, bye!"),
    ("goodbye", "that's all, bye"),
    ("goodbye", "no thanks, that's all"),
    ("goodbye", "later"),
    ("goodbye", "have a wonderful day ahead"),
    ("goodbye", "good night"),
    ("affirm", "yes please"),
    ("affirm", "yes"),
    ("affirm", "YESSSS"),
    ("affirm", "yep"),
    ("affirm", "sounds good"),
    ("affirm", "sure, go ahead"),
    ("affirm", "ok"),
    ("affirm", "perfect"),
    ("affirm", "yes i would like that"),
    ("affirm", "yeah that is the one on my account"),
    ("affirm", "ok i will try that"),
    ("affirm", "yes cancel it"),
    ("affirm", "👍"),
    ("deny", "no"),
    ("deny", "nope that is wrong"),
    ("deny", "no thanks"),
    ("deny", "not really"),
    ("deny", "no i said tuesday"),
    ("deny", "never mind"),
    ("deny", "nothing else"),
    ("deny", "i don't want that"),
    ("deny", "👎"),
    ("question", "where is my order #4711???"),
    ("question", "wheres my stuff"),
    ("question", "hello, where is my package"),
    ("question", "what time do you close"),
    ("question", "do you have pets"),
    ("question", "is there a fee for overseas withdrawals"),
    ("question", "good morning, can you tell me when my order 12345 arrives"),
    ("question", "any news about my refund"),
    ("question", "my card balance?"),
    ("question", "what is this? i want a refund"),
    ("question", "i was wondering if you are open on sunday"),
    ("question", "wo ist meine bestellung 99887"),
    ("question", "???"),
    ("request", "could you please help me change my address"),
    ("request", "cancel my subscription"),
    ("request", "plz cancel my order"),
    ("request", "i want to speak to a human"),
    ("request", "can you cancel my order"),
    ("request", "no, cancel my order"),
    ("request", "i have got to update my address"),
    ("request", "i need help ASAP!!!"),
    ("request", "tell me a joke"),
    ("request", "set an alarm for 7"),
    ("request", "hi, i'd like to book a table"),
    ("request", "pleeease help"),
    ("request", "can i get a refund?"),
    ("request", "je voudrais changer mon adresse"),
    ("request", "thanks, but i still need help with my card"),
    ("complaint", "this is ridiculous, I want my money back NOW"),
    ("complaint", "you are useless idiots"),
    ("complaint", "it's not working"),
    ("complaint", "its still broken!!!"),
    ("complaint", "why is this terrible app still broken???"),
    ("complaint", "I AM SO ANGRY ABOUT THIS"),
    ("complaint", "you stole my money"),
    ("complaint", "worst experience ever"),
    ("complaint", "I was charged twice, see https://example.com/a?b=1"),
    ("complaint", "thanks for nothing, this is unacceptable"),
    ("complaint", "f*ck off"),
    ("complaint", "😡😡😡"),
    ("other", "i'll pay later"),
    ("other", "there is no signal"),
    ("other", "what a great service"),
    ("other", "maybe"),
    ("other", "i am john"),
    ("other", "blue"),
    ("other", "!!!"),
    ("other", ""),
    ("other", "   "),
]

WITH_THE_MODEL: list[tuple[Act, str, str, float]] = [
    ("question", "my card balance", "balance", 0.0),
    ("request", "i lost my card", "report_lost_card", -0.6),
    ("thanks", "appreciate ya big time", "thank_you", 0.6),
    ("greeting", "wazzup my dude", "greeting", 0.2),
    ("affirm", "you got that right", "yes", 0.3),
    ("deny", "i would rather you did not", "no", -0.1),
    ("complaint", "the courier left my parcel in the rain", "maybe", -0.7),
    ("complaint", "still no parcel", "order_status", -0.8),
    ("question", "where is my order", "greeting", 0.0),
    ("thanks", "thanks", "weather", -0.9),
    ("other", "my dog ate the blue one on monday", "maybe", 0.1),
]


def by_form(text: str, lexicon: Lexicon) -> Act:
    cues = lexical.scan(text, lexicon)
    return act(cues, lexicon, toxicity=lexical.toxicity(cues))


@pytest.mark.parametrize(("expected", "text"), BY_FORM, ids=[text for _, text in BY_FORM])
def test_by_form(lexicon: Lexicon, expected: Act, text: str) -> None:
    assert by_form(text, lexicon) == expected


@pytest.mark.parametrize(("expected", "text", "intent", "mood"), WITH_THE_MODEL, ids=[row[1] for row in WITH_THE_MODEL])
def test_with_the_model(lexicon: Lexicon, expected: Act, text: str, intent: str, mood: float) -> None:
    cues = lexical.scan(text, lexicon)
    found = act(cues, lexicon, intent=intent, intent_confidence=0.95, out_of_scope=0.02, sentiment_score=mood)
    assert found == expected


def test_an_unsure_intent_does_not_count(lexicon: Lexicon) -> None:
    cues = lexical.scan("appreciate ya big time", lexicon)
    assert act(cues, lexicon, intent="thank_you", intent_confidence=0.3, out_of_scope=0.0) == "other"
    assert act(cues, lexicon, intent="thank_you", intent_confidence=0.95, out_of_scope=0.8) == "other"


def test_a_long_text_is_no_greeting_by_the_model_alone(lexicon: Lexicon) -> None:
    cues = lexical.scan("my brother in law and his two kids came over on sunday", lexicon)
    assert act(cues, lexicon, intent="greeting", intent_confidence=0.9, out_of_scope=0.0) == "other"


def test_every_act_is_in_the_table() -> None:
    assert {expected for expected, _ in BY_FORM} == set(ACTS)
    assert len(BY_FORM) >= 60


@given(st.text(), st.sampled_from(["", "greeting", "balance", "unknown"]), st.floats(0, 1), st.floats(-1, 1))
def test_any_text_has_an_act(text: str, intent: str, confidence: float, mood: float) -> None:
    cues = lexical.scan(text, LEXICON)
    found = act(
        cues, LEXICON, intent=intent, intent_confidence=confidence, out_of_scope=0.0, sentiment_score=mood, toxicity=0.0
    )
    assert found in ACTS
