"""Names of questions that are alike, from their own words."""

from __future__ import annotations

from server.knowledge.naming import Background, name_of

TEXTS = [
    "do you gift wrap?",
    "can you wrap it as a gift",
    "is gift wrapping possible for my order",
    "I want my order wrapped",
]
OTHERS = [*TEXTS, *(f"where is my order number {number}" for number in range(20))]


def test_words_that_many_have_and_few_others_in_their_order() -> None:
    assert name_of(TEXTS, Background(OTHERS)) == "gift wrap order"


def test_one_question_is_named_by_its_rarest_words() -> None:
    assert name_of(["where is the north pole of my order"], Background(OTHERS)) == "north pole order"


def test_placeholders_and_numbers_name_nothing() -> None:
    assert name_of(["mail [email] about the invoice 4711"], Background(())) == "mail invoice"


def test_without_any_word_the_text_itself() -> None:
    assert name_of(["  ?? \n 12 "], Background(())) == "?? 12"
    assert name_of([], Background(())) == ""
