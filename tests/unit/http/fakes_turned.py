"""What admins turn and teach, as parts of the desk that remember what they were asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from server.chat.flags import FlagOffice
from server.chat.intent_desk import IntentDesk
from server.chat.peer import Caller
from server.transport.http import flags, intent_models

Json = dict[str, Any]


class Hearing(Protocol):
    """``fakes.Verbs``, as far as these need it."""

    def hear(self, caller: Caller, what: Any) -> None: ...


@dataclass
class Primer(IntentDesk):
    """Remembers too."""

    verbs: Hearing

    async def show(self, caller: Caller) -> Json:
        self.verbs.hear(caller, "show")
        return intent_models.OwnIntents.example or {}

    async def add(self, caller: Caller, intent: str, text: str, *, new: bool) -> Json:
        return self._changes(caller, ("add", intent, text, new))

    async def remove(self, caller: Caller, intent: str, text: str) -> Json:
        return self._changes(caller, ("remove", intent, text))

    async def export(self, caller: Caller) -> Json:
        return self._changes(caller, "export")

    async def train(self, caller: Caller) -> Json:
        self.verbs.hear(caller, "train")
        return intent_models.OwnIntents.example or {}

    async def activate(self, caller: Caller, digest: str) -> Json:
        self.verbs.hear(caller, ("activate", digest))
        return intent_models.OwnIntents.example or {}

    async def roll_back(self, caller: Caller) -> Json:
        self.verbs.hear(caller, "rollback")
        return intent_models.OwnIntents.example or {}

    def _changes(self, caller: Caller, what: object) -> Json:
        self.verbs.hear(caller, what)
        return intent_models.ExamplesChanged.example or {}


@dataclass
class Switchboard(FlagOffice):
    """Remembers likewise."""

    verbs: Hearing

    async def all(self, caller: Caller) -> list[Json]:
        self.verbs.hear(caller, "all")
        return [flags.FLAG]

    async def set(self, caller: Caller, name: str, value: object) -> Json:
        self.verbs.hear(caller, (name, value))
        return flags.FLAG
