"""Flags: turned on one worker, followed by the others, taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from adapters.mood import NO_RULES, parse_mood_rules
from server.chat.editing import Editing
from server.chat.flags import KIND, Flag, FlagOffice, Flags
from server.chat.peer import Caller
from server.chat.signals import Signals
from server.clock import ManualClock
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.fanout.hub import Fanout
from server.settings import Settings
from server.store.edit_ports import Edit
from server.store.ports import Store
from server.wire.parts import User
from server.wiring.flags import Moods, known_flags, notice_of
from tests.unit.alerting.ledger import Channel

ROOT, ANN = (Caller(User(name, "admin", name.title())) for name in ("root", "ann"))
FLAGS = (
    Flag("knowledge", "Whether answers rest on articles.", True),
    Flag("learning", "How.", "live", ("live", "log_only")),
    Flag("notice", "A sentence.", "", most=20),
)


class Shelf:
    """The ledger's part of it; ``overtaken``: how many changes somebody else is faster with."""

    def __init__(self) -> None:
        self.kept: list[Edit] = []
        self.overtaken = 0

    async def add_edit(self, edit: Edit) -> None:
        if self.overtaken:
            self.overtaken -= 1
            others = {"learning": {"value": "log_only", "by": "ann", "at_ms": 1}}
            self.kept.append(Edit(KIND, len(self.kept) + 1, others, "ann", 1))
        if edit.revision != len(self.kept) + 1:
            raise Conflict("meanwhile")
        self.kept.append(edit)

    async def edits(self, kind: str, limit: int) -> list[Edit]:
        return self.kept[::-1][:limit]

    async def edit_revisions(self) -> dict[str, int]:
        return {KIND: len(self.kept)} if self.kept else {}


class Worker:
    def __init__(self, shelf: Shelf) -> None:
        self.heard: list[tuple[str, Any]] = []
        signals = Signals()
        signals.connect(cast(Fanout, Channel()))
        clock = ManualClock()
        self.flags = Flags([(flag, self.hearing(flag.name)) for flag in FLAGS])
        self.editing = Editing(
            store=cast(Store, shelf), signals=signals, clock=clock, kinds={KIND: self.flags.editable}
        )
        self.office = FlagOffice(flags=self.flags, editing=self.editing, clock=clock)

    def hearing(self, name: str) -> Callable[[Any], None]:
        return lambda value: self.heard.append((name, value))


async def test_a_flag_turns_on_every_worker_and_back() -> None:
    shelf = Shelf()
    here, there = Worker(shelf), Worker(shelf)
    told = await here.office.set(ROOT, "knowledge", False)
    assert (told["value"], told["default"], told["set_by"]) == (False, True, "root")
    for _ in range(2):
        await there.editing.look()
    assert here.heard == there.heard == [("knowledge", False)], "and it is told once"
    assert there.flags["knowledge"] is False
    await there.office.set(ANN, "notice", "  Back at two. ")
    assert [(one["flag"], one["value"], one.get("set_by")) for one in await here.office.all(ROOT)] == [
        ("knowledge", False, "root"), ("learning", "live", None), ("notice", "Back at two.", "ann"),
    ]  # fmt: skip
    told = await here.office.set(ROOT, "knowledge", None)
    assert "set_by" not in told and told["value"] is True
    await there.editing.look()
    assert there.heard == [("knowledge", False), ("notice", "Back at two."), ("knowledge", True)]


async def test_two_admins_at_once_both_have_their_way() -> None:
    shelf = Shelf()
    worker, shelf.overtaken = Worker(shelf), 2
    await worker.office.set(ROOT, "knowledge", False)
    assert {name: entry["by"] for name, entry in (shelf.kept[-1].document or {}).items()} == {
        "learning": "ann",
        "knowledge": "root",
    }
    shelf.overtaken = 99
    with pytest.raises(Conflict):
        await worker.office.set(ROOT, "knowledge", True)


@pytest.mark.parametrize(("flag", "value", "sentence"), [
    ("knowledge", "no", "flag 'knowledge' is true or false, not 'no'"),
    ("learning", "apprentice", "flag 'learning' is live or log_only, not 'apprentice'"),
    ("learning", False, "flag 'learning' is live or log_only"),
    ("notice", "x" * 21, "has 21 characters: at most 20"),
    ("notice", True, "is a text"),
])  # fmt: skip
async def test_what_a_flag_can_not_be(flag: str, value: object, sentence: str) -> None:
    shelf = Shelf()
    with pytest.raises(Invalid, match=sentence):
        await Worker(shelf).office.set(ROOT, flag, value)
    assert shelf.kept == []


async def test_what_is_not_there_and_who_may_not() -> None:
    worker = Worker(Shelf())
    with pytest.raises(NotFound, match="Did you mean 'knowledge'"):
        await worker.office.set(ROOT, "knowlege", True)
    eve = Caller(User("eve", "agent", "Eve"))
    for asking in (worker.office.all(eve), worker.office.set(eve, "knowledge", False)):
        with pytest.raises(Forbidden):
            await asking


async def test_a_flag_of_another_release_is_passed_over() -> None:
    shelf = Shelf()
    worker = Worker(shelf)
    shelf.kept.append(Edit(KIND, 1, {"of_the_future": {"value": 7}, "knowledge": {"value": False}}, "root", 1))
    await worker.editing.look()
    assert worker.heard == [("knowledge", False)]
    shelf.kept.append(Edit(KIND, 2, {"knowledge": {"value": "maybe"}}, "root", 1))
    await worker.editing.look()
    assert worker.flags["knowledge"] is False, "what can't be used changes nothing"


def names(**settings: Any) -> list[str]:
    return [flag.name for flag in known_flags(Settings(**settings))]


def test_only_what_can_turn_something_is_offered() -> None:
    assert names() == ["mood_rules", "knowledge", "learning", "notice"]
    assert names(policy_mode="apprentice", language_writer="openai") == [
        "mood_rules", "knowledge", "language_model", "notice",
    ]  # fmt: skip
    (learning,) = (flag for flag in known_flags(Settings(policy_mode="log_only")) if flag.name == "learning")
    assert learning.default == "log_only"


def test_mood_rules_that_are_off_stay_known() -> None:
    first, second = (
        parse_mood_rules({"rules": [{"name": name, "when": "anger >= 0.5", "traits": {"empathy": 0.2}}]}, "x")
        for name in ("one", "two")
    )
    taken: list[Any] = []
    moods = Moods(first, taken.append)
    moods.switch(False)
    moods.take(second)
    moods.switch(True)
    assert taken == [NO_RULES, NO_RULES, second]


def test_a_notice_stands_until_it_is_taken_away() -> None:
    flags = Flags([(FLAGS[2], lambda _: None)])
    assert notice_of(flags)() is None
    flags.take({"notice": {"value": "Back at two."}})
    event = notice_of(flags)()
    assert event is not None and event.data == {"text": "Back at two.", "standing": True}
    flags.take({})
    assert notice_of(flags)() is None
