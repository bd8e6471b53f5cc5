"""Personas and mood rules are edited, checked, followed and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from adapters.mood import parse_mood_rules
from server.chat.editing import Editable, Editing
from server.chat.peer import Caller
from server.chat.signals import Signals
from server.clock import ManualClock
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.fanout.hub import Fanout
from server.store.edit_ports import Edit
from server.store.ports import Store
from server.wire.parts import User
from tests.unit.alerting.ledger import Channel

ROOT = Caller(User("root", "admin", "Root"))
FILE: dict[str, Any] = {"rules": [{"name": "angry", "when": "anger >= 0.5", "traits": {"empathy": 0.2}}]}
OTHER: dict[str, Any] = {"rules": []}


class Shelf:
    """The ledger's part of it."""

    def __init__(self) -> None:
        self.kept: list[Edit] = []

    async def add_edit(self, edit: Edit) -> None:
        if edit.revision != len(self.kept) + 1:
            raise Conflict("meanwhile")
        self.kept.append(edit)

    async def edits(self, kind: str, limit: int) -> list[Edit]:
        return self.kept[::-1][:limit]

    async def edit_revisions(self) -> dict[str, int]:
        return {"mood_rules": len(self.kept), "of the future": 5} if self.kept else {}


class Worker:
    def __init__(self, shelf: Shelf) -> None:
        self.taken: list[Mapping[str, Any]] = []
        self.channel, signals = Channel(), Signals()
        signals.connect(cast(Fanout, self.channel))
        self.editing = Editing(
            store=cast(Store, shelf),
            signals=signals,
            clock=ManualClock(),
            kinds={"mood_rules": Editable(FILE, check, self.taken.append)},
        )


def check(document: Mapping[str, Any]) -> None:
    parse_mood_rules(document, "the document")


async def test_an_edit_holds_everywhere_and_is_taken_back() -> None:
    shelf = Shelf()
    here, there = Worker(shelf), Worker(shelf)
    assert (await here.editing.show(ROOT, "mood_rules"))["document"] == FILE
    told = await here.editing.change(ROOT, "mood_rules", 0, OTHER)
    assert (told["revision"], told["edited"], told["document"], told["history"][0]["by"]) == (1, True, OTHER, "root")
    assert len(here.channel.signalled) == 1
    for _ in range(2):
        await there.editing.look()
    assert here.taken == there.taken == [OTHER]
    told = await there.editing.change(ROOT, "mood_rules", 1, None)
    assert (told["revision"], told["edited"], told["document"]) == (2, False, FILE)
    assert there.taken[-1] == FILE


async def test_what_is_wrong_changes_nothing() -> None:
    worker = Worker(Shelf())
    wrong = {"rules": [{"name": "angry", "when": "anger >= 5", "traits": {"empathy": 0.2}}]}
    with pytest.raises(Invalid, match="rule 'angry': 'when' compares with '5'"):
        await worker.editing.change(ROOT, "mood_rules", 0, wrong)
    with pytest.raises(Conflict):
        await worker.editing.change(ROOT, "mood_rules", 4, OTHER)
    with pytest.raises(NotFound):
        await worker.editing.show(ROOT, "flags")
    with pytest.raises(Forbidden):
        await worker.editing.show(Caller(User("eve", "agent", "Eve")), "mood_rules")
    assert worker.taken == []


async def test_what_another_release_wrote_is_passed_over() -> None:
    shelf = Shelf()
    shelf.kept.append(Edit("mood_rules", 1, {"of the future": 1}, "root", 5))
    worker = Worker(shelf)
    await worker.editing.look()
    assert worker.taken == []
