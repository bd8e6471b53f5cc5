"""Agents, how much they take on, and the conversations that are offered to them.

Part of ``ports.Store``, whose text says what holds for every method. Offers are decided by a function of what one
transaction finds under one lock: of many workers that route at once none sees half of what another has done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from server.wire.parts import Status, User

OfferState = Literal["open", "refused", "lapsed"]


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent or admin as stored. ``capacity``: conversations at once, None: as many as the house says. ``claimed``:
    how many they have now that are not resolved, ``offered``: how many are offered to them."""

    user: User
    status: Status
    status_text: str | None
    last_seen_ms: int
    capacity: int | None
    claimed: int
    offered: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A conversation that waits for a human. ``analysis``: of the last message that was understood, as of the wire;
    ``persona``: of the bot's last answer."""

    channel: str
    waiting_since_ms: int
    reason: str | None
    analysis: Mapping[str, Any]
    persona: str | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A conversation was offered to an agent during the wait that began at ``waiting_since_ms``. ``left_ms``: until it
    lapses, in database time; at most 0: it has."""

    channel: str
    agent_id: str
    waiting_since_ms: int
    state: OfferState
    left_ms: int


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    """What a decision is made of: who waits, longest first, who there is, and what was offered in waits that go on."""

    waiting: tuple[Waiting, ...]
    agents: tuple[AgentRow, ...]
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """``channel`` is to be offered to ``agent_id``."""

    channel: str
    agent_id: str


Decide = Callable[[RoutingFacts], Sequence[Placement]]


class RoutingStore(Protocol):
    """What ``ports.Store`` promises of agents and offers."""

    async def agents(self) -> list[AgentRow]:
        """Every agent and admin who is not banned, by name."""

    async def set_capacity(self, user_id: str, capacity: int | None) -> None:
        """None: as many as the house says. ``NotFound``: no such agent."""

    async def route(self, decide: Decide, limit: int, offer_ms: int) -> list[Placement]:
        """Let lapse what is over, and offer what ``decide`` says for ``offer_ms``; what was placed. It is given the
        ``limit`` conversations that wait longest, and called with nothing else going on, so it must be quick. What it
        places that is offered already, or waits no more, is passed over."""

    async def offers(self) -> list[Offer]:
        """Those that are open and have not lapsed."""

    async def refuse(self, channel: str, agent_id: str) -> bool:
        """The agent does not want it; whether it was offered to them until now."""
