"""What rules see of a turn, and of a decision in the log."""

from __future__ import annotations

from adapters.allowed import Rule
from server.chat.constraints import Constraints, logged_situation, situation_of
from server.store.people_ports import Asked
from tests.unit.chat.test_memory import analysis

RULES = (Rule("plainly", {"segment": frozenset({"partner"})}, only=frozenset({"calm"})),)


def test_the_log_tells_the_situation_of_the_turn() -> None:
    heard = analysis(-0.5)
    assert logged_situation(Asked("ann", "partner", heard.to_wire())) == situation_of(heard, "partner")


def test_an_unknown_situation_is_one_too() -> None:
    assert logged_situation(Asked(None, None, {})).intent is None


def test_who_was_barred_is_found_again() -> None:
    found = Constraints(RULES).allowed(analysis(), "partner", ("calm", "warm"))
    assert (found.arms, dict(found.barred)) == (("calm",), {"warm": "plainly"})
    assert Constraints().allowed(analysis(), "partner", ("calm", "warm")).arms is None
