"""Intents documents: what they mean, and the sentence for each mistake."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.intents.errors import IntentsError
from inference.intents.parsing import MAX_ASK_CODE_POINTS, parse_intents
from inference.intents.variants import MAX_VARIANTS, variants

SHOP: dict[str, Any] = {
    "intents": {
        "returns": {"ask": "Send it back", "examples": ["send the {product} back", "I want to return it"]},
        "hours": ["when are you open", "opening  hours"],
    },
    "lookups": {"product": ["tent", "stove"]},
    "synonyms": {"Return": ["bring back"]},
}


def test_a_document_becomes_values_in_the_order_of_names() -> None:
    found = parse_intents({"shop.yaml": SHOP})
    assert found.names == ("hours", "returns")
    hours, returns = found.intents
    assert [example.text for example in hours.examples] == ["when are you open", "opening hours"]
    assert (hours.ask, returns.ask) == ("when are you open", "Send it back")
    assert str(returns.examples[1].place) == "shop.yaml: intents.returns.examples[2]"
    assert found.values == {"product": ("tent", "stove")}
    assert found.synonyms == {"return": ("bring back",)}


def test_files_add_to_one_intent() -> None:
    more = {"intents": {"hours": ["open on Sundays?"]}}
    found = parse_intents({"b.yaml": more, "a.yaml": SHOP})
    assert [str(example.place) for example in found.intents[0].examples] == [
        "a.yaml: intents.hours.examples[1]",
        "a.yaml: intents.hours.examples[2]",
        "b.yaml: intents.hours.examples[1]",
    ]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "shop.yaml: nothing stands here. Fill it in or remove it."),
        ([], "shop.yaml: this is no mapping"),
        ({"intent": {}}, "unknown key 'intent'. Did you mean 'intents'?"),
        ({"synonyms": {"a": ["b"]}}, "shop.yaml: there is no intent. Write them under 'intents:'"),
        ({"intents": {True: ["a"]}}, "shop.yaml: intents: the key True is no text. Put the key in quotes."),
        ({"intents": {"Order Status": ["a"]}}, "intents.Order Status: 'Order Status' is no name. Use small letters"),
        ({"intents": {"oos": ["a"]}}, "intents.oos: 'oos' means that no intent fits. Choose another name."),
        ({"intents": {"hours": []}}, "intents.hours.examples: the list is empty"),
        ({"intents": {"hours": {"exampels": ["a"]}}}, "unknown key 'exampels'. Did you mean 'examples'?"),
        ({"intents": {"hours": ["a", 4711]}}, "intents.hours.examples[2]: 4711 is no text. Put it in quotes."),
        ({"intents": {"hours": ["is {prodct} there"]}}, "examples[1]: no list is named 'prodct'. List its values"),
        (
            {"intents": {"hours": ["is {prodct} there"]}, "lookups": {"product": ["tent"]}},
            "no list is named 'prodct'. Did you mean 'product'?",
        ),
        (
            {"intents": {"hours": ["a"]}, "lookups": {"x": ["1"]}, "entities": {"x": ["2"]}},
            "shop.yaml: entities.x: 'x' is listed already. See shop.yaml: lookups.x and keep one list.",
        ),
        ({"intents": {"hours": ["a"]}, "synonyms": {"tent": [""]}}, "synonyms.tent[1]: the text is empty"),
        ({"intents": {"hours": {"ask": "a" * (MAX_ASK_CODE_POINTS + 1)}}}, "hours.ask: 61 characters are too many"),
    ],
)
def test_a_mistake_is_told_with_file_entry_and_remedy(document: object, said: str) -> None:
    with pytest.raises(IntentsError) as caught:
        parse_intents({"shop.yaml": document})
    assert said in str(caught.value)


def test_ask_is_one_text_over_all_files() -> None:
    other = {"intents": {"returns": {"ask": "Give it back"}}}
    with pytest.raises(IntentsError, match=r"z.yaml: intents.returns.ask: 'ask' is given twice, and differently"):
        parse_intents({"a.yaml": SHOP, "z.yaml": other})


class TestDigest:
    def test_follows_what_training_sees(self) -> None:
        digest = parse_intents({"shop.yaml": SHOP}).digest()
        assert digest == parse_intents({"renamed.yaml": SHOP}).digest()
        assert digest != parse_intents({"shop.yaml": SHOP | {"lookups": {"product": ["tent"]}}}).digest()

    def test_the_order_makes_no_difference(self) -> None:
        intents = {name: SHOP["intents"][name] for name in reversed(SHOP["intents"])}
        assert parse_intents({"a": SHOP}).digest() == parse_intents({"a": SHOP | {"intents": intents}}).digest()


class TestVariants:
    shop = parse_intents({"shop.yaml": SHOP})

    def test_slots_are_filled_from_their_list(self) -> None:
        found = variants("send the {product} back", self.shop)
        assert set(found) == {"send the tent back", "send the stove back"}

    def test_synonyms_stand_in_for_whole_words(self) -> None:
        assert variants("I want to return it", self.shop) == ("I want to return it", "I want to bring back it")
        assert variants("may I Bring back it", self.shop)[1] == "may I return it"
        assert variants("my returned goods", self.shop) == ("my returned goods",)

    def test_backslashes_in_values_stand_for_themselves(self) -> None:
        odd = parse_intents({"a": SHOP | {"lookups": {"product": [r"\1 \g<0>"]}}})
        assert variants("the {product}", odd) == (r"the \1 \g<0>",)

    @given(st.text(alphabet=st.characters(exclude_characters="{}")))
    def test_any_text_stands_for_itself_first(self, text: str) -> None:
        found = variants(text, self.shop)
        assert found[0] == text
        assert 1 <= len(found) <= MAX_VARIANTS
        assert found == variants(text, self.shop)
