"""Acts from labels and form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_onnx.acts import bitext_act, clinc_act, form, merged, multidogo_act, nlupp_act, only, settled, share
from models_onnx.labels import ACTS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what's my balance", "question"),
        ("hi, when do you open?", "question"),
        ("i would like to know the fee", "question"),
        ("can you tell me the price", "question"),
        ("is it closed", "question"),
        ("my card is blocked?", "question"),
        ("can you reset my password", "request"),
        ("ok, please cancel it", "request"),
        ("i need my boarding pass", "request"),
        ("book a table for two", "request"),
        ("what a day", None),
        ("44120", None),
        ("my name is jo", None),
    ],
)
def test_form(text: str, expected: str | None) -> None:
    assert form(text) == expected


def _name(acts: tuple[float, ...] | None) -> str | None:
    index = settled(acts)
    return None if index is None else ACTS[index]


@pytest.mark.parametrize(
    ("text", "intent", "expected"),
    [
        ("hai", "openinggreeting", "greeting"),
        ("hi i need to change my address", "openinggreeting", "request"),
        ("thank you", "thankyou", "thanks"),
        ("thanks have a nice day", "thankyou", "goodbye"),
        ("bye", "closinggreeting", "goodbye"),
        ("ok", "confirmation", "affirm"),
        ("nothing enough", "rejection", "deny"),
        ("15454", "contentonly", "other"),
        ("please remove one pizza", "contentonly", "request"),
        ("my screen is cracked", "reportbrokenphone", "complaint"),
        ("5 pizza", "orderpizzaintent<div>ordersaladintent", "request"),
        ("two years later", "outofdomain", None),
        ("seattle", "current_city O", None),
    ],
)
def test_multidogo(text: str, intent: str, expected: str | None) -> None:
    assert _name(multidogo_act(text, intent)) == expected


@pytest.mark.parametrize(
    ("text", "intents", "expected"),
    [
        ("thats all, bye", ["end_call", "thank"], "goodbye"),
        ("ok", ["acknowledge"], "affirm"),
        ("my card is not working", ["wrong_notworking_notshowing", "card"], "complaint"),
        ("How do I close it?", ["how", "cancel_close_leave_freeze"], "question"),
        ("from the 3rd", [], "other"),
        ("it's a new one", ["new"], None),
    ],
)
def test_nlupp(text: str, intents: list[str], expected: str | None) -> None:
    assert _name(nlupp_act(text, intents)) == expected


def test_clinc_and_bitext() -> None:
    assert _name(clinc_act("i must run", "goodbye")) == "goodbye"
    assert _name(clinc_act("my bags never came", "lost_luggage")) == "complaint"
    assert _name(clinc_act("credit limit", "credit_limit")) is None
    assert _name(bitext_act("file a claim against you", "complaint")) == "complaint"
    assert _name(bitext_act("order 12", "track_order")) == "request"


def test_one_of_two_things_at_once_is_not_measured() -> None:
    assert settled(share(greeting=0.5, other=0.5)) is None
    assert settled(None) is None


def test_merged_is_the_mean_by_counts() -> None:
    affirm, deny = share(affirm=1.0), share(deny=1.0)
    assert merged({affirm: 3, deny: 1}) == share(affirm=0.75, deny=0.25)
    assert only(None) is None


@given(st.text(), st.sampled_from(["openinggreeting", "confirmation", "contentonly", "thankyou", "disputecharge", "x"]))
def test_any_text_has_a_distribution_or_none(text: str, intent: str) -> None:
    found = multidogo_act(text, intent)
    assert found is None or (len(found) == len(ACTS) and sum(found) == pytest.approx(1.0))
