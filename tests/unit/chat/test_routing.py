"""The pure part of routing: who is offered what, business hours, the desk's file."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from server.chat.routing import ALWAYS, DeskError, DeskPlan, Hours, assign, is_open, next_opening_ms, parse_desk
from server.chat.routing.assign import AGAIN_MS, Candidate, Order, Skill, required_skills
from server.store.routing_ports import AgentRow, Offer, OfferState, RoutingFacts, Waiting
from server.wire.parts import User

BILLING = Skill("billing", intents=frozenset({"refund"}))
GERMAN = Skill("german", languages=frozenset({"de"}))
CALM = Skill("calm", personas=frozenset({"calm"}))
SKILLS = (BILLING, GERMAN, CALM)


def waiting(name: str, since_ms: int = 0, persona: str | None = None, **analysis: Any) -> Waiting:
    return Waiting(f"conv:{name}", since_ms, None, analysis, persona)


def row(name: str, claimed: int = 0, offered: int = 0) -> AgentRow:
    return AgentRow(User(name, "agent", name), "online", None, 0, None, claimed, offered)


def facts(*who: Waiting, agents: tuple[AgentRow, ...] = (), offers: tuple[Offer, ...] = ()) -> RoutingFacts:
    return RoutingFacts(tuple(who), agents, offers)


def offer(name: str, agent: str, state: OfferState = "open", left_ms: int = 5_000) -> Offer:
    return Offer(f"conv:{name}", agent, 0, state, left_ms)


def placed(found: RoutingFacts, *candidates: Candidate, **options: Any) -> list[tuple[str, str]]:
    return [(one.channel[5:], one.agent_id) for one in assign(found, candidates, skills=SKILLS, **options)]


# --------------------------------------------------------------------------- assign


def test_the_one_with_the_most_free_places_gets_it() -> None:
    agents = (row("ann", claimed=1), row("ben", claimed=2, offered=1))
    ann, ben = Candidate("ann", 3), Candidate("ben", 6)
    assert placed(facts(waiting("a"), agents=agents), ann, ben) == [("a", "ben")]
    many = tuple(waiting(str(number), number) for number in range(9))
    spread = placed(facts(*many, agents=agents), ann, ben)
    assert Counter(agent for _, agent in spread) == {"ann": 2, "ben": 3}  # until nobody has a place
    assert [name for name, _ in spread] == [str(number) for number in range(5)]


def test_nobody_is_offered_what_is_offered_already_or_was_declined() -> None:
    agents = (row("ann"), row("ben"))
    both = (Candidate("ann", 9), Candidate("ben", 5))
    assert placed(facts(waiting("a"), agents=agents, offers=(offer("a", "ben"),)), *both) == []
    declined: list[tuple[OfferState, int]] = [("refused", 20_000), ("lapsed", -1), ("refused", -10 * AGAIN_MS)]
    for state, left_ms in declined:
        said = offer("a", "ann", state, left_ms)
        assert placed(facts(waiting("a"), agents=agents, offers=(said,)), *both) == [("a", "ben")]
        everybody = (said, offer("a", "ben", state, left_ms))
        assert placed(facts(waiting("a"), agents=agents, offers=everybody), *both) == []
    long_ago = offer("a", "ann", "lapsed", -AGAIN_MS)
    assert placed(facts(waiting("a"), agents=agents, offers=(long_ago,)), *both) == [("a", "ann")]


def test_skills_come_before_room_and_patience_has_an_end() -> None:
    agents = (row("ann"), row("ben"), row("cid", claimed=2))
    ann, ben = Candidate("ann", 9), Candidate("ben", 2, frozenset({"billing"}))
    cid = Candidate("cid", 2, frozenset({"billing", "german"}))
    both = waiting("a", 0, intent="refund", language="de")
    assert required_skills(both, SKILLS) == {"billing", "german"}
    assert required_skills(waiting("b", persona="calm"), SKILLS) == {"calm"}
    found = facts(both, agents=agents)
    assert placed(found, ann, ben, cid, patience_ms=60_000, now_ms=59_999) == []  # cid is full, and worth a wait
    assert placed(found, ann, ben, cid, patience_ms=60_000, now_ms=60_000) == [("a", "ben")]  # the next best
    assert placed(found, ann, ben, patience_ms=60_000, now_ms=0) == [("a", "ben")]  # nobody to wait for
    assert placed(found, ann, patience_ms=60_000, now_ms=0) == [("a", "ann")]
    refused = facts(both, agents=agents, offers=(offer("a", "cid", "refused"),))
    assert placed(refused, ann, ben, cid, patience_ms=60_000) == [("a", "ben")]


def test_the_order_is_the_houses() -> None:
    queue = (
        waiting("long", 0, sentiment={"score": 0.1}, urgency=0.2),
        waiting("angry", 1, sentiment={"score": -0.9}, urgency=0.4),
        waiting("urgent", 2, sentiment={"score": -0.1}, urgency=0.9),
        waiting("mute", 3),
    )
    wanted: dict[Order, list[str]] = {
        "longest": ["long", "angry", "urgent", "mute"],
        "angriest": ["angry", "urgent", "mute", "long"],
        "most_urgent": ["urgent", "angry", "long", "mute"],
    }
    for order, names in wanted.items():
        assert [
            name for name, _ in placed(facts(*queue, agents=(row("ann"),)), Candidate("ann", 9), order=order)
        ] == names


def test_who_is_alike_gets_about_as_many() -> None:
    agents = tuple(row(name) for name in "abcd")
    everybody = tuple(Candidate(name, 5) for name in "abcd")
    single = [placed(facts(waiting(f"01J{number:05}"), agents=agents), *everybody)[0][1] for number in range(400)]
    assert all(70 <= count <= 130 for count in Counter(single).values())


@given(
    loads=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=0, max_size=5),
    asks=st.lists(st.sampled_from(["refund", "greeting", None]), max_size=12),
    taken=st.lists(
        st.tuples(st.integers(0, 11), st.integers(0, 4), st.sampled_from(["open", "refused", "lapsed"])), max_size=8
    ),
)
def test_laws_of_assigning(loads: list[tuple[int, int]], asks: list[str | None], taken: list[Any]) -> None:
    """Nobody gets more than they have room for, nothing is offered twice, and no free agent is left while a
    conversation that nobody declined goes without."""
    agents = tuple(row(str(number), claimed=load) for number, (load, _) in enumerate(loads))
    candidates = [Candidate(str(number), capacity) for number, (_, capacity) in enumerate(loads)]
    queue = tuple(waiting(str(number), number, intent=intent) for number, intent in enumerate(asks))
    offers = tuple({(c, a): offer(str(c), str(a), s, 5_000 if s == "open" else -5) for c, a, s in taken}.values())
    found = facts(*queue, agents=agents, offers=offers)
    got = placed(found, *candidates)
    assert got == placed(found, *reversed(candidates))  # the order of the agents says nothing
    counts = Counter(agent for _, agent in got)
    for number, (load, capacity) in enumerate(loads):
        assert counts[str(number)] <= max(0, capacity - load)
    assert len({channel for channel, _ in got}) == len(got)
    declined = {(one.channel[5:], one.agent_id) for one in offers if one.state != "open"}
    busy = {one.channel[5:] for one in offers if one.state == "open"}
    assert not declined & set(got)
    assert not busy & {channel for channel, _ in got}
    free = {str(number) for number, (load, capacity) in enumerate(loads) if capacity - load > counts[str(number)]}
    for one in queue:
        name = one.channel[5:]
        if name not in busy and name not in {channel for channel, _ in got}:
            assert all((name, agent) in declined for agent in free)


# --------------------------------------------------------------------------- hours

BERLIN = ZoneInfo("Europe/Berlin")
NINE_TO_FIVE = ((540, 1_020),)
OFFICE = Hours((*(NINE_TO_FIVE,) * 5, (), ()), {date(2026, 12, 25): (), date(2026, 12, 24): ((540, 720),)}, BERLIN)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "opened", "opens"),
    [
        ("2026-11-23T09:00:00", True, "2026-11-24T09:00"),  # a Monday
        ("2026-11-23T08:59:59", False, "2026-11-23T09:00"),
        ("2026-11-23T17:00:00", False, "2026-11-24T09:00"),
        ("2026-11-27T18:00:00", False, "2026-11-30T09:00"),  # over the weekend
        ("2026-12-24T11:59:00", True, "2026-12-28T09:00"),
        ("2026-12-24T12:00:00", False, "2026-12-28T09:00"),  # over Christmas
        ("2026-03-28T12:00:00", False, "2026-03-30T09:00"),  # clocks go forward on that Sunday
        ("2026-10-24T12:00:00", False, "2026-10-26T09:00"),  # and back
    ],
)
def test_business_hours(now: str, opened: bool, opens: str) -> None:
    assert is_open(OFFICE, at(now)) is opened
    assert next_opening_ms(OFFICE, at(now)) == at(opens)


def test_hours_that_never_end_and_never_begin() -> None:
    assert is_open(ALWAYS, at("2026-10-25T02:30:00"))
    never = Hours(((),) * 7)
    assert not is_open(never, 0)
    assert next_opening_ms(never, 0) is None


@given(st.integers(at("2026-01-01T00:00:00"), at("2027-12-31T00:00:00")))
def test_the_next_opening_is_the_first_instant_that_is_open(now_ms: int) -> None:
    opens_ms = next_opening_ms(OFFICE, now_ms)
    assert opens_ms is not None and opens_ms > now_ms
    assert is_open(OFFICE, opens_ms) and not is_open(OFFICE, opens_ms - 1)
    if not is_open(OFFICE, now_ms):
        assert not is_open(OFFICE, (now_ms + opens_ms) // 2)


# --------------------------------------------------------------------------- the file

FILE = """
skills:
  billing: {intents: [refund], personas: calm}
  german: {languages: [de]}
agents:
  ann: {skills: [billing, german], capacity: 4}
  ben:
order: angriest
patience_s: 30
hours:
  timezone: Europe/Berlin
  week:
    monday-friday: [09:00-12:30, "13:30 – 18:00"]
    Saturday: "10:00-24:00"
  holidays:
    - 2026-12-25
    - 2026-12-31: ["09:00-12:00"]
away: {en: "Back on {opens}.", it: "Torniamo il {opens} ({zone})."}
"""


def parsed(text: str) -> DeskPlan:
    return parse_desk(yaml.safe_load(text), "desk.yaml", ZoneInfo)


def test_a_whole_file() -> None:
    plan = parsed(FILE)
    assert plan.skills[0] == Skill("billing", frozenset({"refund"}), frozenset(), frozenset({"calm"}))
    assert (plan.agents["ann"].skills, plan.agents["ann"].capacity, plan.agents["ben"].capacity) == (
        ("billing", "german"), 4, None,
    )  # fmt: skip
    assert (plan.order, plan.patience_ms) == ("angriest", 30_000)
    assert plan.hours.week[0] == ((540, 750), (810, 1_080))
    assert (plan.hours.week[5], plan.hours.week[6]) == (((600, 1_440),), ())
    assert plan.hours.holidays == {date(2026, 12, 25): (), date(2026, 12, 31): ((540, 720),)}
    assert is_open(plan.hours, at("2026-12-31T10:00:00")) and not is_open(plan.hours, at("2026-12-31T13:00:00"))
    assert set(plan.away) >= {"en", "de", "it"} and plan.away["en"] == "Back on {opens}."
    assert parsed("") == DeskPlan()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", None),
        ("skils: {}", r"no key 'skils'\. Did you mean 'skills'"),
        ("skills: {a: {}}", r"skills\.a is never asked for"),
        ("skills: {a: {intent: [x]}}", "Did you mean 'intents'"),
        ("agents: {ann: {skills: [x]}}", "there is no skill 'x'"),
        ("agents: {ann: {capacity: -1}}", r"agents\.ann\.capacity is -1"),
        ("order: oldest", "order is 'oldest'"),
        ("patience_s: soon", "patience_s is 'soon'"),
        ("hours: {timezone: Mars/Base}", "'Mars/Base' is no time zone"),
        ("hours: {week: {someday: ['09:00-10:00']}}", "'someday' is no day"),
        ("hours: {week: {friday-monday: ['09:00-10:00']}}", "runs backwards"),
        ("hours: {week: {monday: ['9-10']}}", "is no span"),
        ("hours: {week: {monday: ['22:00-06:00']}}", "cut a night in two"),
        ("hours: {week: {monday: ['09:00-24:30']}}", "beyond the day"),
        ("hours: {week: {monday: ['09:00-12:00', '11:00-13:00']}}", "before the span before it ends"),
        ("hours: {holidays: [Christmas]}", "'Christmas' is no date"),
        ("away: 'back on {day}'", "may stand in braces"),
        ("away: {en: ''}", "is no text"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str | None) -> None:
    if says is None:
        assert parsed(text) == DeskPlan()  # an empty file
        return
    with pytest.raises(DeskError, match=says) as raised:
        parsed(text)
    assert str(raised.value).startswith("desk.yaml")
