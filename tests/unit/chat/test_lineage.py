"""Which arms a policy has and what of its log it knows, by the changes in the log."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.personas import Persona
from adapters.traits import Traits
from server.chat.lineage import MAX_ARMS, Lineage, lineage_at, persona_of, target_of
from server.store.policy_ports import PolicyChange

STYLE = {key: ["Hm."] for key in ("greetings", "openers", "empathy", "closers", "sign_offs")}


def document(name: str) -> dict[str, Any]:
    return {"name": name, "title": name, "description": name, "traits": Traits().as_dict(), "style": STYLE}


def persona(name: str) -> Persona:
    made = persona_of({"persona": document(name)})
    assert made is not None
    return made


FILE = (persona("a"), persona("b"))


def change(log_offset: int, kind: str, **data: Any) -> PolicyChange:
    return PolicyChange("p", log_offset, kind, data, "ada", 0)


def add(log_offset: int, name: str) -> PolicyChange:
    return change(log_offset, "add", persona=document(name))


def after(*changes: PolicyChange, at: int = 1_000) -> Lineage:
    return lineage_at(FILE, changes, at)


def test_arms_come_and_go() -> None:
    changes = add(3, "c"), change(5, "remove", arm="a"), change(7, "pause", arm="b"), change(9, "resume", arm="b")
    assert [after(*changes, at=at).arms for at in (2, 3, 5)] == [("a", "b"), ("a", "b", "c"), ("b", "c")]
    assert [after(*changes, at=at).paused for at in (6, 7, 9)] == [frozenset(), {"b"}, frozenset()]


@pytest.mark.parametrize(
    "useless",
    [
        add(9, "a"),
        change(9, "add", persona={"name": "c"}),
        change(9, "add"),
        change(9, "remove", arm="nobody"),
        change(9, "pause", arm="b"),
        change(9, "remove", arm="b"),
        change(9, "resume", arm="nobody"),
        change(9, "rollback", to=9),
        change(9, "rollback", to=-1),
        change(9, "rollback", to=True),
        change(9, "rollback"),
        change(9, "of a newer release", arm="a"),
    ],
    ids=str,
)
def test_what_cant_be_followed_changes_nothing(useless: PolicyChange) -> None:
    paused = change(8, "pause", arm="a")  # so that b is the last that is open
    assert after(paused, useless) == after(paused)


def test_there_are_not_more_arms_than_can_be_told_apart() -> None:
    assert len(after(*(add(number, f"p{number}") for number in range(1, 100))).arms) == MAX_ARMS


def test_a_rollback_forgets_what_came_since_but_keeps_the_arms() -> None:
    lineage = after(add(3, "c"), change(5, "remove", arm="a"), add(7, "d"), change(9, "rollback", to=4))
    assert lineage.arms == ("b", "c", "d")
    assert [lineage.holds("b", at) for at in (4, 5, 9, 10)] == [True, False, False, True]
    assert [lineage.holds("c", at) for at in (3, 4, 8)] == [False, True, False]
    assert [lineage.holds("d", at) for at in (4, 8, 10)] == [False, False, True]


def test_a_rollback_can_be_taken_back() -> None:
    lineage = after(change(10, "rollback", to=4), change(20, "rollback", to=9))
    assert lineage.forgotten == ((9, 20),)
    nested = after(change(10, "rollback", to=4), change(20, "rollback", to=15))
    assert nested.forgotten == ((4, 10), (15, 20))


def test_an_arm_that_comes_again_knows_nothing_of_before() -> None:
    lineage = after(change(5, "remove", arm="a"), add(8, "a"))
    assert lineage.arms == ("b", "a")
    assert [lineage.holds("a", at) for at in (4, 8, 9)] == [False, False, True]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("rollback"), st.integers(0, 40)),
            st.tuples(st.sampled_from(["add", "remove", "pause", "resume"]), st.sampled_from("abcd")),
        ),
        max_size=12,
    )
)
def test_a_step_at_a_time_leads_to_the_same(steps: list[tuple[str, Any]]) -> None:
    changes = []
    for number, (kind, value) in enumerate(steps, 1):
        log_offset = 3 * number
        if kind == "add":
            changes.append(add(log_offset, value))
        else:
            changes.append(change(log_offset, kind, **{"to" if kind == "rollback" else "arm": value}))
    lineage = Lineage(FILE)
    for one in changes:
        lineage = lineage.after(one, lambda to: lineage_at(FILE, changes, to))
        assert lineage == lineage_at(FILE, changes, one.log_offset)
        assert lineage.arms and len(set(lineage.arms)) == len(lineage.arms)
        assert lineage.paused < set(lineage.arms)
        if one.kind == "rollback" and (to := target_of(one)) is not None:
            before = lineage_at(FILE, changes, to)
            for arm in set(lineage.arms) & set(before.arms):
                assert all(lineage.holds(arm, at) == before.holds(arm, at) for at in range(1, to + 1))
                assert not any(lineage.holds(arm, at) for at in range(to + 1, one.log_offset + 1))


def test_many_rollbacks_are_followed_quickly() -> None:
    changes = [change(number, "rollback", to=number - 1) for number in range(1, 3_000)]
    assert len(after(*changes, at=5_000).forgotten) == 2_999
