"""Phrase files → book: what adds up, and what is refused with which words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from server.chat.writer import PhraseError, parse_phrases
from tests.unit.writer.support import book, documents

Change = Callable[[dict[str, Any]], None]


def changed(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = documents()
    change(found)
    return found


def test_every_shipped_intent_has_a_topic_and_a_domain() -> None:
    for intent in book().intents.values():
        assert intent.topic
        assert intent.domain in book().domains


def test_an_intent_takes_the_scope_of_its_domain_unless_it_has_its_own() -> None:
    assert book().intents["traffic"].scope == "outside"
    assert book().intents["schedule_maintenance"].scope == "service"


def test_another_file_adds_to_pools_domains_and_intents() -> None:
    extra = {
        "domain": "orders",
        "suggest": ["Return an order"],
        "phrases": {"humor": ["Boxes are my favourite shape."]},
        "intents": {
            "order_status": {"core": ["The van is the van."]},
            "return_order": {"topic": "a return", "need": {"order": "the order number"}, "core": ["Returns are easy."]},
        },
    }
    more = parse_phrases({**documents(), "mine.yaml": extra, "more.yaml": {"phrases": {"thanks": ["Pleased!"]}}})
    assert more.intents["return_order"].scope == "service"
    assert more.intents["return_order"].need_until == "order"
    assert "The van is the van." in {phrase.source for phrase in more.intents["order_status"].pool("core")}
    assert more.intents["order_status"].topic == book().intents["order_status"].topic
    assert len(more.domains["orders"].pools["humor"]) == len(book().domains["orders"].pools["humor"]) + 1
    assert "Return an order" in more.domains["orders"].suggest
    assert len(more.pools["thanks"]) == len(book().pools["thanks"]) + 1


def test_places_lead_to_the_line() -> None:
    phrase = book().intents["order_status"].pool("core")[1]
    assert book().places[phrase.id] == ("orders.yaml: intents.order_status.core[2]",)


def test_order_of_files_and_lines_does_not_change_ids() -> None:
    turned = dict(reversed(documents().items()))
    turned["orders.yaml"]["intents"]["order_status"]["core"].reverse()  # type: ignore[index]
    assert {phrase.id for phrase in parse_phrases(turned).phrases()} == {phrase.id for phrase in book().phrases()}


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("I want to talk to a person", True),
        ("TALK TO A HUMAN!!", True),
        ("get me a real person please", True),
        ("is there an agent?", True),
        ("I want a human now", True),
        ("agent!", True),
        ("please connect me to a real human being", True),
        ("I don't want to talk to a bot", True),
        ("je veux parler à un conseiller", True),
        ("PARLER À UN CONSEILLER", True),
        ("vorrei parlare con un operatore", True),
        ("ik wil met een medewerker spreken", True),
        ("an agenty thing", False),
        ("are you a human?", False),
        ("am I talking to a robot", False),
        ("the delivery person was rude", False),
        ("I travel as one person", False),
        ("my travel agent booked it", False),
        ("I am a person", False),
    ],
)
def test_who_wants_a_person(text: str, wants: bool) -> None:
    assert book().wants_person(text) is wants


def test_without_words_for_it_nobody_wants_a_person() -> None:
    def change(files: dict[str, Any]) -> None:
        del files["general.yaml"]["handover_words"]

    assert not parse_phrases(changed(change)).wants_person("talk to a person")


def at(file: str, *path: str | int, value: object) -> Change:
    """Replace the value at a path of a file; ``None`` as value leaves an empty entry."""

    def change(files: dict[str, Any]) -> None:
        target: Any = files
        for step in (file, *path[:-1]):
            target = target[step]
        target[path[-1]] = value

    return change


def without(file: str, *path: str) -> Change:
    def change(files: dict[str, Any]) -> None:
        target: Any = files[file]
        for step in path[:-1]:
            target = target[step]
        del target[path[-1]]

    return change


def whole(file: str, value: object) -> Change:
    def change(files: dict[str, Any]) -> None:
        files[file] = value

    return change


ORDER = ("intents", "order_status")


@pytest.mark.parametrize(
    ("change", "place", "problem", "remedy"),
    [
        (whole("new.yaml", None), "new.yaml", "nothing stands here", "remove it"),
        (whole("new.yaml", ["a"]), "new.yaml", "this is no mapping", "name: value"),
        (whole("new.yaml", {"phrase": {}}), "new.yaml", "unknown key 'phrase'", "'phrases'"),
        (whole("new.yaml", {"phrases": {"thank": ["Hi."]}}), "new.yaml: phrases", "unknown key 'thank'", "'thanks'"),
        (whole("new.yaml", {"phrases": {"thanks": []}}), "new.yaml: phrases.thanks", "the list is empty", "Add"),
        (whole("new.yaml", {"phrases": {"thanks": "Hi."}}), "new.yaml: phrases.thanks", "this is no list", "dash"),
        (whole("new.yaml", {"phrases": {"thanks": ["Hi"]}}), "new.yaml: phrases.thanks[1]", "no end", "End it"),
        (whole("new.yaml", {"phrases": {"core": ["Hi."]}}), "new.yaml: phrases", "unknown key 'core'", "Did you"),
        (whole("new.yaml", {True: 1}), "new.yaml", "the key True is no text", "quotes"),
        (whole("new.yaml", {"suggest": {"greet": ["a"]}}), "new.yaml: suggest", "unknown key 'greet'", "'greeting'"),
        (whole("new.yaml", {"suggest": {"error": ["a" * 61]}}), "new.yaml: suggest.error[1]", "61 char", "within 60"),
        (whole("new.yaml", {"suggest": {"error": [3]}}), "new.yaml: suggest.error[1]", "this is no text", "words"),
        (
            whole("new.yaml", {"handover_words": ["a [human|person"]}),
            "new.yaml: handover_words[1]",
            "bracket that does not close",
            "[one|other]",
        ),
        (
            whole("new.yaml", {"handover_alone": ["human [now|]"]}),
            "new.yaml: handover_alone[1]",
            "may be left out",
            "empty alternative",
        ),
        (whole("new.yaml", {"handover_words": "x"}), "new.yaml: handover_words", "this is no list", "dash"),
        (whole("new.yaml", {"domain": "x"}), "new.yaml: phrases.core", "no phrase that fits always", "{topic}"),
        (whole("new.yaml", {"domain": ""}), "new.yaml: domain", "this is no text", "words"),
        (whole("new.yaml", {"domain": "orders", "scop": 1}), "new.yaml", "unknown key 'scop'", "'scope'"),
        (at("orders.yaml", "scope", value="servic"), "orders.yaml: scope", "unknown scope 'servic'", "'service'"),
        (at("orders.yaml", "phrases", "greeting", value=["Hi."]), "orders.yaml: phrases", "'greeting'", "core"),
        (at("orders.yaml", *ORDER, "cores", value=[]), "orders.yaml: intents.order_status", "'cores'", "'core'"),
        (at("orders.yaml", *ORDER, "core", 0, value=9), "orders.yaml: intents.order_status.core[1]", "no text", "say"),
        (at("orders.yaml", *ORDER, "topic", value="{x}"), "orders.yaml: intents.order_status.topic", "slots", "plain"),
        (at("orders.yaml", *ORDER, "serious", value="y"), "orders.yaml: intents.order_status.serious", "'y'", "true"),
        (
            at("orders.yaml", *ORDER, "need", value={"ordr": "x"}),
            "orders.yaml: intents.order_status.need",
            "unknown detail 'ordr'",
            "'order'",
        ),
        (
            at("orders.yaml", *ORDER, "need", value={"order": "x", "date": "y"}),
            "orders.yaml: intents.order_status.need",
            "not exactly one detail",
            "{order: the order number}",
        ),
        (without("orders.yaml", *ORDER, "topic"), "orders.yaml: intents.order_status", "'topic' is missing", "topic:"),
        (without("general.yaml", "phrases", "error"), "phrases.error", "fits always", "Add one without 'when'"),
        (
            at("general.yaml", "phrases", "thanks", value=[{"say": "Hi.", "when": {"turn": "first"}}, "Hi {name}."]),
            "phrases.thanks",
            "fits always",
            "Add one without 'when'",
        ),
        (
            whole("new.yaml", {"domain": "orders", "intents": {"balance": {"topic": "x"}}}),
            "new.yaml: intents.balance",
            "'domain' is given twice, and differently",
            "banking.yaml: intents.balance",
        ),
        (
            whole("zz.yaml", {"domain": "orders", "intents": {"order": {"topic": "another"}}}),
            "zz.yaml: intents.order.topic",
            "'topic' is given twice, and differently",
            "orders.yaml: intents.order",
        ),
    ],
)
def test_a_bad_file_is_told_with_place_and_remedy(change: Change, place: str, problem: str, remedy: str) -> None:
    with pytest.raises(PhraseError) as caught:
        parse_phrases(changed(change))
    error = caught.value
    assert place in f"{error.file}: {error.entry}"
    assert problem in error.problem
    assert remedy in error.remedy


def test_an_error_of_a_whole_file_names_it_once() -> None:
    with pytest.raises(PhraseError, match=r"^new\.yaml: nothing stands here\. Fill it in or remove it\.$"):
        parse_phrases({**documents(), "new.yaml": None})


def test_an_intent_key_read_as_a_truth_value_is_explained() -> None:
    def change(files: dict[str, Any]) -> None:
        files["meta.yaml"]["intents"][False] = {"topic": "no"}

    with pytest.raises(PhraseError, match="quotes"):
        parse_phrases(changed(change))
