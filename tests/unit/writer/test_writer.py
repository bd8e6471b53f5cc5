"""What the writer says in which situation."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from inference.analysis import Act, Analysis
from server.chat.writer import BuiltInWriter, Situation, Written, parse_phrases
from server.chat.writer.phrase import phrase_id
from tests.unit.writer.examples import CASES
from tests.unit.writer.support import analysis, book, documents, persona, personas, situation

WRITER = BuiltInWriter(book())
ORDER = (("order_id", "#4711"),)


def write(found: Analysis, seed: int = 0, **given: Any) -> Written:
    return WRITER.write(situation(found, given.pop("who", None), **given), random.Random(seed))


def many(found: Analysis, **given: Any) -> list[Written]:
    return [write(found, seed, **given) for seed in range(40)]


def sources(written: Written) -> list[str]:
    known = {phrase.id: phrase.source for phrase in book().phrases()}
    return [known.get(one, one) for one in written.phrases]


def test_the_same_seed_gives_the_same_answer() -> None:
    for case in CASES.values():
        for who in personas().values():
            assert WRITER.write(case(who), random.Random(7)) == WRITER.write(case(who), random.Random(7))


def test_seeds_vary_the_words() -> None:
    assert len({written.text for written in many(analysis())}) > 10


def test_an_order_question_without_a_number_asks_for_it() -> None:
    for written in many(analysis()):
        assert written.text.endswith("?")
        assert "number" in written.text.rsplit(". ", 1)[-1]


def test_a_known_order_number_is_repeated_and_not_asked_for() -> None:
    for written in many(analysis(entities=ORDER)):
        assert written.text.lower().count("order #4711") == 1
        assert "What number" not in written.text
        assert "Which number" not in written.text


def test_a_detail_that_was_asked_for_is_taken_up() -> None:
    found = analysis("routing", "other", confidence=0.1, oos=0.9, entities=ORDER)
    for written in many(found, text="#4711", previous="order_status"):
        assert written.kind == "information"
        assert "order #4711" in written.text.lower()
        assert "colleague" in written.text
        assert written.intent == "order_status"


def test_no_phrase_claims_a_deed_or_data() -> None:
    """The writer can do nothing but talk; these would be lies."""
    deeds = (
        "cancel|book|block|order|transfer|sent|send|reset|check|look|found|find|pass|forward|notif|inform|told|refund"
    )
    deed = re.compile(rf"\bI(?:'ve| have|'ll| will) (?:just |now |already )?(?:{deeds}|replace|arrange)", re.IGNORECASE)
    data = re.compile(
        r"\byour (?:balance|order|parcel|card|flight|limit) (?:is|was|has) (?:on|now|been|at|\d)", re.IGNORECASE
    )
    for phrase in book().phrases():
        for text in phrase.texts:
            assert not deed.search(text), text
            assert not data.search(text), text


@pytest.mark.parametrize("intent", sorted(name for name, one in book().intents.items() if one.scope == "service"))
def test_every_service_topic_knows_a_way_on(intent: str) -> None:
    written = write(analysis(intent, "request"))
    assert written.text.endswith("?") or "colleague" in written.text or "person" in written.text
    assert "Talk to a person" in written.suggestions


def test_own_substance_goes_before_the_domains() -> None:
    own = {phrase.source for phrase in book().intents["lost_luggage"].pool("core")}
    for written in many(analysis("lost_luggage", "request")):
        assert own.intersection(sources(written))


def test_topics_without_own_substance_are_named_in_words() -> None:
    named = [written for written in many(analysis("traffic", "question")) if "traffic" in written.text]
    assert len(named) > 30


def test_an_unsure_intent_is_asked_about_with_examples_as_buttons() -> None:
    for written in many(analysis("pay_bill", "other", confidence=0.3, second=("card_declined", 0.25))):
        assert written.kind == "clarification"
        assert "paying a bill" in written.text
        assert "a declined card" in written.text
        assert written.text.endswith("?")
        assert written.suggestions[:2] == ("I want to pay my bill", "My card was declined")


def test_a_foreign_text_is_admitted() -> None:
    admitted = {phrase.id for phrase in book().pools["out_of_scope"]}
    for written in many(analysis("oos", "question", oos=0.9)):
        assert written.kind == "out_of_scope"
        assert admitted.intersection(written.phrases)


def test_another_language_is_told_what_is_understood() -> None:
    for written in many(analysis("oos", "other", oos=0.9, language="de")):
        assert "English" in written.text


def test_the_name_is_used_in_some_first_answers_and_in_no_later_one() -> None:
    first = [written.text for written in many(analysis(), turn=1, name="Anna")]
    assert 5 < sum("Anna" in text for text in first) < 35
    assert not any("Anna" in written.text for written in many(analysis(), turn=2, name="Anna"))


def test_the_name_of_the_account_is_known_or_not() -> None:
    assert all("Anna" in written.text for written in many(analysis("user_name", "question"), name="Anna"))
    for written in many(analysis("user_name", "question")):
        assert "know" in written.text


def test_coins_and_dice_are_thrown_for_real() -> None:
    coins = [written.text.lower() for written in many(analysis("flip_coin", "request"))]
    assert 8 < sum("heads" in text for text in coins) < 32
    assert all(("heads" in text) != ("tails" in text) for text in coins)
    dice = {digit for written in many(analysis("roll_dice", "request")) for digit in "123456" if digit in written.text}
    assert dice == set("123456")


def test_yes_leads_on_to_what_is_needed() -> None:
    for written in many(analysis("yes", "affirm"), previous="order_status"):
        assert written.kind == "affirm"
        assert "the order number" in written.text
        assert written.intent == "order_status"


@pytest.mark.parametrize(
    ("found", "previous", "about"),
    [
        (analysis("card_declined", "question"), "order_status", "card_declined"),
        (analysis("tell_joke", "request"), "order_status", "order_status"),
        (analysis("tell_joke", "request"), None, "tell_joke"),
        (analysis("recipe", "question"), "order_status", "recipe"),
        (analysis("no", "deny"), "order_status", "order_status"),
        (analysis("thank_you", "thanks"), None, "thank_you"),
        (analysis("oos", "question", oos=0.9), "order_status", "order_status"),
        (analysis("oos", "question", oos=0.9), None, None),
        (analysis("report_fraud", "complaint", confidence=0.02, oos=0.99), None, None),
        (analysis("goodbye", "goodbye"), "order_status", "goodbye"),
        (analysis("oos", "complaint", oos=0.9), "order_status", "order_status"),
    ],
)
def test_what_the_conversation_is_about_afterwards(found: Analysis, previous: str | None, about: str | None) -> None:
    assert write(found, previous=previous).intent == about


def test_an_order_number_is_asked_for_once_in_a_conversation() -> None:
    turns = [
        analysis(),
        analysis("routing", "other", confidence=0.1, oos=0.9, entities=ORDER),
        analysis(act="complaint", score=-0.8, feeling=("anger", 0.8)),
        analysis("tell_joke", "request"),
        analysis(act="question"),
        analysis("yes", "affirm"),
    ]
    for seed in range(20):
        given: dict[str, Any] = {"previous": None, "known": {}}
        for number, found in enumerate(turns):
            written = write(found, seed, text="#4711", turn=number + 1, **given)
            given = {"previous": written.intent, "known": written.known}
            assert written.known == ({} if number == 0 else {"order": "order #4711"})
            if number > 0:
                assert not re.search(r"(?:What|Which) number|send me the order number", written.text, re.IGNORECASE)


def test_details_of_one_topic_are_not_carried_to_another() -> None:
    known = {"amount": "$49"}
    kept = write(analysis("bill_balance", "question"), previous="bill_balance", known=known)
    other = write(analysis("card_declined", "question"), previous="bill_balance", known=known)
    assert (kept.known, other.known) == (known, {})
    assert not any("$49" in one.text for one in many(analysis("card_declined"), previous="pay_bill", known=known))


def test_asking_for_a_person_gets_no_substance_and_no_button_for_it() -> None:
    for written in many(analysis("oos", "request", oos=0.9), text="Talk to a person"):
        assert written.kind == "handover"
        assert "Talk to a person" not in written.suggestions


def test_the_upset_get_sympathy_and_no_shouting_even_from_the_loudest() -> None:
    empathy = {phrase.id for phrase in book().pools["empathy"]}
    loud = persona(enthusiasm=1.0, humor=1.0, empathy=0.9, extraversion=1.0)
    jokes = {phrase.id for phrase in (*book().pools["humor"], *book().domains["orders"].pools["humor"])}
    for written in many(analysis(score=-0.7, feeling=("anger", 0.8)), who=loud):
        assert empathy.intersection(written.phrases)
        assert not jokes.intersection(written.phrases)
        assert "!" not in written.text


def test_serious_matters_are_not_joked_about() -> None:
    playful = personas()["playful"]
    for written in many(analysis("report_fraud", "question"), who=playful):
        assert not any(one.split("/")[0] in {"style.empathy", "style.openers", "humor"} for one in written.phrases)
        assert not any(emoji in written.text for emoji in playful.style["emoji"])
        assert "!" not in written.text


def test_rudeness_is_answered_calmly_and_without_emoji() -> None:
    calm = {phrase.id for phrase in book().pools["hostile"]}
    for written in many(
        analysis("oos", "complaint", oos=0.9, score=-0.9, toxicity=0.9), who=personas()["enthusiastic"]
    ):
        assert calm.intersection(written.phrases)
        assert not any(emoji in written.text for emoji in personas()["enthusiastic"].style["emoji"])


def test_coming_back_to_the_same_topic_is_acknowledged() -> None:
    again = {phrase.id for phrase in book().pools["again"]}
    for written in many(analysis(), previous="order_status"):
        assert again.intersection(written.phrases)


def test_what_was_just_written_is_never_suggested() -> None:
    for written in many(analysis("greeting", "greeting"), text="where is my order"):
        assert "Where is my order?" not in written.suggestions
    for written in many(analysis(), text="any news?"):
        assert "Where is my order?" not in written.suggestions


def test_the_more_proactive_suggest_more() -> None:
    counts = [len(write(analysis(), who=persona(proactivity=value)).suggestions) for value in (0.1, 0.5, 0.9)]
    assert counts == [1, 2, 3]


@pytest.mark.parametrize("name", sorted(personas()))
def test_an_error_is_owned_and_short(name: str) -> None:
    pool = {phrase.id for phrase in book().pools["error"]}
    for seed in range(10):
        written = WRITER.error(personas()[name], random.Random(seed))
        assert written.kind == "error"
        assert set(written.phrases) <= pool
        assert written.suggestions == ("Talk to a person",)
        assert "!" not in written.text


# ------------------------------------------------------------------ nothing is said twice


def conversation(turn: Callable[[int, frozenset[str]], Situation], turns: int) -> list[Written]:
    used: frozenset[str] = frozenset()
    answers = []
    for number in range(turns):
        written = WRITER.write(turn(number, used), random.Random(number))
        used |= set(written.phrases)
        answers.append(written)
    return answers


@pytest.mark.parametrize("name", sorted(personas()))
def test_a_conversation_about_one_thing_does_not_repeat_itself(name: str) -> None:
    def turn(number: int, used: frozenset[str]) -> Situation:
        found = analysis(act="complaint", score=-0.5, feeling=("anger", 0.7))
        return situation(found, personas()[name], turn=number + 1, used=used, previous="order_status")

    said = [phrase for written in conversation(turn, 8) for phrase in written.phrases]
    assert len(said) == len(set(said))


def test_in_a_long_conversation_only_the_substance_comes_again() -> None:
    answers = conversation(lambda number, used: situation(analysis(entities=ORDER), turn=2, used=used), 60)
    assert all(written.text for written in answers)
    said: set[str] = set()
    for written in answers:
        for phrase in written.phrases:
            assert phrase not in said or phrase.split("/")[0] in {"order_status.core", "orders.core", "question"}
        said.update(written.phrases)


@pytest.mark.parametrize("pool", ["thanks", "goodbye", "out_of_scope", "deny"])
def test_the_one_phrase_left_is_chosen(pool: str) -> None:
    intents = {
        "thanks": ("thank_you", 0.0),
        "goodbye": ("goodbye", 0.0),
        "out_of_scope": ("oos", 0.9),
        "deny": ("no", 0),
    }
    intent, oos = intents[pool]
    everything = {phrase.id for phrase in book().phrases()}
    for left in book().pools[pool]:
        if left.when.conditions or left.slots:
            continue
        act: Act = "question" if pool == "out_of_scope" else "other"
        written = write(analysis(intent, act, oos=oos), used=frozenset(everything - {left.id}))
        assert left.id in written.phrases


def test_the_one_phrase_left_of_an_intent_is_chosen() -> None:
    everything = {phrase.id for phrase in book().phrases()}
    for left in book().intents["tell_joke"].pool("core"):
        written = write(analysis("tell_joke", "request"), used=frozenset(everything - {left.id}))
        assert left.id in written.phrases


def test_a_second_detail_is_left_out_when_the_only_one_was_said() -> None:
    files = documents()
    files["mine.yaml"] = {
        "domain": "lamps",
        "phrases": {"core": ["Lamps are bright."]},
        "intents": {"lamp": {"topic": "lamps", "core": ["A lamp, {order}."], "detail": ["They need a bulb."]}},
    }
    writer = BuiltInWriter(parse_phrases(files))
    who = persona(verbosity=1.0)
    written = writer.write(situation(analysis("lamp", "question"), who), random.Random(1))
    assert written.text.count("They need a bulb.") == 1


# ------------------------------------------------------------------ files decide


def test_an_added_phrase_is_picked_up() -> None:
    files = documents()
    files["mine.yaml"] = {"phrases": {"goodbye": ["May your parcels be swift."]}}
    writer = BuiltInWriter(parse_phrases(files))
    texts = [writer.write(situation(analysis("goodbye", "goodbye")), random.Random(seed)).text for seed in range(60)]
    assert "May your parcels be swift." in texts
    assert phrase_id("goodbye", "May your parcels be swift.") not in {phrase.id for phrase in book().phrases()}


def test_an_added_intent_is_answered() -> None:
    files = documents()
    files["mine.yaml"] = {
        "domain": "orders",
        "intents": {"return_order": {"topic": "a return", "core": ["Returns are free for thirty days."]}},
    }
    writer = BuiltInWriter(parse_phrases(files))
    written = writer.write(situation(analysis("return_order", "request")), random.Random(1))
    assert "Returns are free for thirty days." in written.text


def test_an_intent_without_any_file_is_still_answered() -> None:
    written = write(analysis("dragon_taming", "request"))
    assert written.kind == "request"
    assert written.intent == "dragon_taming"
    assert any("dragon taming" in one.text for one in many(analysis("dragon_taming", "request")))


def test_own_words_of_a_persona_are_said() -> None:
    who = persona({"greetings": ("Ahoy",), "sign_offs": ("Fair winds!",)})
    hellos = [written.text for written in many(analysis("greeting", "greeting"), who=who, turn=1)]
    assert 10 < sum(text.startswith("Ahoy.") for text in hellos) < 40
    byes = [written.text for written in many(analysis("goodbye", "goodbye"), who=who)]
    assert 10 < sum("Fair winds" in text for text in byes) < 40


# ------------------------------------------------------------------ topics told by words


WORDY = sorted(name for name, one in book().intents.items() if one.by_words and one.domain == "shop")


@pytest.mark.parametrize("topic", WORDY)
def test_a_topic_told_by_words_is_remembered_like_any_other(topic: str) -> None:
    example = book().intents[topic].example
    assert example is not None
    lost = analysis("oos", "request", confidence=0.1, oos=0.95, entities=ORDER)
    for seed in range(20):
        written = write(lost, seed, text=example, turn=1)
        assert written.intent == topic
        assert written.kind == "request"
        own = {phrase.id for phrase in book().intents[topic].pool("core")}
        assert own.intersection(written.phrases)
        assert written.known["order"] == "order #4711"
        follow = write(lost, seed, text="and now, how long?", previous=topic, used=written.phrases, known=written.known)
        assert follow.intent == topic


@pytest.mark.parametrize("topic", [name for name in WORDY if book().intents[name].need_until == "order"])
def test_what_needs_an_order_asks_for_it_until_it_is_known(topic: str) -> None:
    example = book().intents[topic].example or ""
    lost = analysis("oos", "request", confidence=0.1, oos=0.95)
    for seed in range(20):
        asked = write(lost, seed, text=example).text
        assert asked.endswith("?")
        assert "order" in asked.lower()
        told = write(lost, seed, text=example, known={"order": "order #7"}, previous=topic).text.lower()
        assert not re.search(r"(which|what's the|under which) order", told)


def test_what_was_said_the_longest_ago_comes_again() -> None:
    thanks = [phrase for phrase in book().pools["thanks"] if not phrase.slots and not phrase.when.conditions]
    ids = [phrase.id for phrase in book().phrases()]
    for seed, oldest in enumerate(thanks):
        others = [one for one in ids if one != oldest.id]
        random.Random(seed).shuffle(others)
        written = write(analysis("thank_you", "thanks"), seed, used=(oldest.id, *others))
        assert written.phrases[0] == oldest.id


def test_a_long_conversation_takes_every_turn_of_phrase_in_turn() -> None:
    used: tuple[str, ...] = ()
    said: list[str] = []
    for seed in range(40):
        written = write(analysis("oos", "question", oos=0.95, confidence=0.1), seed, used=used)
        said.append(next(one for one in written.phrases if one.startswith("out_of_scope/")))
        used = (*(one for one in used if one not in written.phrases), *written.phrases)
    pool = len(book().pools["out_of_scope"])
    assert all(len(set(said[start : start + pool])) == pool for start in range(pool, 40 - pool))
