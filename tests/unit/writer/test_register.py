"""One authored text, three registers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chat.writer.register import CONTRACTION, registers, spell_out, tidy


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("I'm sorry, it's late.", "I am sorry, it is late."),
        ("Don't worry.", "Do not worry."),
        ("We can’t and won’t.", "We cannot and will not."),
        ("The bank's card isn't here.", "The bank's card is not here."),
        ("It's been a while, what's got you here?", "It has been a while, what has got you here?"),
        ("Let's see. That's it.", "Let us see. That is it."),
    ],
)
def test_formal_text_spells_contractions_out_and_leaves_possessives(text: str, full: str) -> None:
    assert spell_out(text) == full


def test_two_alternatives_give_the_second_to_plain_and_formal() -> None:
    assert registers("[Hi|Hello], I'm here.") == ("Hi, I'm here.", "Hello, I'm here.", "Hello, I am here.")


def test_three_alternatives_give_one_to_each_register() -> None:
    assert registers("[Hey|Hi|Good day]!") == ("Hey!", "Hi!", "Good day!")


def test_an_empty_alternative_leaves_no_gap() -> None:
    assert registers("What brings you here [today|]?") == (
        "What brings you here today?",
        "What brings you here?",
        "What brings you here?",
    )


def test_a_sentence_starts_with_a_capital_after_an_empty_alternative() -> None:
    assert registers("[Well, |]look here. [so|thus] it is.")[1] == "Look here. Thus it is."


@given(st.text(alphabet="ab .,!?'  |", max_size=60))
def test_tidy_text_has_no_double_spaces_and_is_stable(text: str) -> None:
    once = tidy(text)
    assert "  " not in once
    assert " ." not in once
    assert once == once.strip()
    assert tidy(once) == once


@given(st.lists(st.sampled_from(["I'm", "don't", "You've", "the", "bank's", "can't", "well"]), max_size=12))
def test_spelling_out_leaves_no_contraction(words: list[str]) -> None:
    assert CONTRACTION.search(spell_out(" ".join(words))) is None
