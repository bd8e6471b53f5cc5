"""All that agents ask over HTTP beside the verbs of the socket."""

from __future__ import annotations

from dataclasses import dataclass

from server.chat.agents import Agents
from server.chat.clientele import Clientele
from server.chat.notebook import Notebook
from server.chat.satisfaction import SatisfactionFigures
from server.chat.searching import Searching
from server.chat.transfers import Transfers


@dataclass(frozen=True, slots=True)
class AgentDesk:
    """The parts; each says itself who may."""

    notebook: Notebook
    transfers: Transfers
    searching: Searching
    clientele: Clientele
    agents: Agents
    satisfaction: SatisfactionFigures
