"""The language heuristic: right on plain sentences, English where nothing speaks against it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.language import language
from inference.lexicon import words_of
from tests.unit.inference.support import LEXICON

SENTENCES = [
    ("en", "where is my order?"),
    ("en", "hi"),
    ("en", "no"),
    ("en", ""),
    ("en", "#4711"),
    ("en", "Schneider Müller"),
    ("en", "I had a croissant and an espresso in Bonn"),
    ("en", "asap plz"),
    ("en", "see ya!"),
    ("en", "hai"),
    ("de", "wo ist meine Bestellung?"),
    ("de", "ich möchte mein Geld zurück"),
    ("de", "danke"),
    ("de", "Guten Tag, können Sie mir bitte helfen"),
    ("es", "¿dónde está mi pedido?"),
    ("es", "hola, necesito ayuda"),
    ("es", "quiero cancelar mi cuenta por favor"),
    ("fr", "où est ma commande ?"),
    ("fr", "je voudrais changer mon adresse"),
    ("fr", "bonjour"),
    ("it", "dove è il mio ordine? grazie"),
    ("pt", "onde está o meu pedido? obrigado"),
    ("nl", "waar is mijn bestelling en hoe lang duurt het nog"),
    ("ru", "привет, где мой заказ"),
    ("uk", "привіт, де моє замовлення"),
    ("el", "πού είναι η παραγγελία μου"),
    ("ar", "أين طلبي"),
    ("he", "איפה ההזמנה שלי"),
    ("hi", "मेरा ऑर्डर कहाँ है"),
    ("th", "คำสั่งซื้อของฉันอยู่ที่ไหน"),
    ("zh", "我的订单在哪里"),
    ("ja", "こんにちは、注文はどこですか"),
    ("ja", "注文番号を教えて"),
    ("ko", "내 주문은 어디에 있나요"),
    ("en", "what does 谢谢 mean in english"),
    ("en", "thanks 😊👍"),
]


def found(text: str) -> str:
    return language(text, words_of(text), LEXICON.stop_words)


@pytest.mark.parametrize(("expected", "text"), SENTENCES, ids=[text for _, text in SENTENCES])
def test_sentence(expected: str, text: str) -> None:
    assert found(text) == expected


@given(st.text())
def test_any_text_has_a_language_of_two_letters(text: str) -> None:
    assert len(found(text)) == 2
