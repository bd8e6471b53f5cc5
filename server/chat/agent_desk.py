"""All that agents ask over HTTP beside the verbs of the socket."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from server.chat.agents import Agents
from server.chat.clientele import Clientele
from server.chat.notebook import Notebook
from server.chat.reception import Reception
from server.chat.router import Router
from server.chat.satisfaction import SatisfactionFigures
from server.chat.searching import Searching
from server.chat.suggestions import Suggestions
from server.chat.transfers import Transfers
from server.wire.frames import Message


@dataclass(frozen=True, slots=True)
class AgentDesk:
    """The parts; each says itself who may."""

    notebook: Notebook
    transfers: Transfers
    searching: Searching
    clientele: Clientele
    agents: Agents
    satisfaction: SatisfactionFigures
    router: Router
    reception: Reception
    suggestions: Suggestions

    def on_message(self, message: Message) -> None:
        """It was stored by this worker."""
        self.searching.on_message(message)
        self.router.on_message(message)
        self.reception.on_message(message)

    def keepers(self) -> list[Coroutine[Any, Any, None]]:
        """What runs for ever."""
        return [self.searching.keep(), self.router.keep()]

    async def close(self) -> None:
        """Drop what is in work."""
        await self.reception.close()
