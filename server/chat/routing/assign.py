"""Who is offered which waiting conversation: a pure function of who waits, who is there, and what was offered before.

- A conversation asks for skills by the intent, language and persona of its last turn. Whoever has all of them comes
  first; while such an agent is there, though full, it waits for ``patience_ms`` before others get it.
- Among those who are as good for it, the one with the most free places, then with the fewest conversations; who is
  alike in that is told apart by a hash of conversation and agent, so that nobody is always first (rendezvous hashing:
  Thaler and Ravishankar 1998).
- Nobody is offered twice, in one wait, what they refused; what they let lapse comes again when ``AGAIN_MS`` have gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from server.store.routing_ports import Offer, Placement, RoutingFacts, Waiting

Order = Literal["longest", "angriest", "most_urgent"]
ORDERS: Final[tuple[Order, ...]] = get_args(Order)
AGAIN_MS: Final = 120_000


@dataclass(frozen=True, slots=True)
class Skill:
    """Asked for by a conversation whose last turn is among any of these."""

    name: str
    intents: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    personas: frozenset[str] = frozenset()

    def is_asked(self, waiting: Waiting) -> bool:
        """By that conversation."""
        return (
            waiting.analysis.get("intent") in self.intents
            or waiting.analysis.get("language") in self.languages
            or waiting.persona in self.personas
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent who is there and wants conversations. ``capacity``: at once."""

    agent_id: str
    capacity: int
    skills: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Agent:
    candidate: Candidate
    load: int
    declined: dict[str, Offer] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.candidate.capacity - self.load


def required_skills(waiting: Waiting, skills: Collection[Skill]) -> frozenset[str]:
    """What a conversation asks for."""
    return frozenset(skill.name for skill in skills if skill.is_asked(waiting))


def assign(
    facts: RoutingFacts,
    candidates: Sequence[Candidate],
    *,
    skills: Collection[Skill] = (),
    order: Order = "longest",
    patience_ms: int = 0,
    now_ms: int = 0,
) -> list[Placement]:
    """What to offer now, at most one conversation for each free place. ``now_ms``: of the clock that
    ``waiting_since_ms`` is of."""
    agents = _agents(facts, candidates)
    taken = {offer.channel for offer in facts.offers if offer.state == "open" and offer.left_ms > 0}
    placed: list[Placement] = []
    for waiting in sorted(facts.waiting, key=lambda one: _rank(one, order)):
        if waiting.channel in taken:
            continue
        asked = required_skills(waiting, skills)
        is_patient = now_ms - waiting.waiting_since_ms < patience_ms
        agent = _best(waiting, asked, agents, is_patient=is_patient)
        if agent is not None:
            agent.load += 1
            placed.append(Placement(waiting.channel, agent.candidate.agent_id))
    return placed


def _agents(facts: RoutingFacts, candidates: Sequence[Candidate]) -> list[_Agent]:
    loads = {row.user.id: row.claimed + row.offered for row in facts.agents}
    found = {
        candidate.agent_id: _Agent(candidate, loads[candidate.agent_id])
        for candidate in candidates
        if candidate.agent_id in loads
    }
    for offer in facts.offers:
        agent = found.get(offer.agent_id)
        if agent is not None and (offer.state == "refused" or -AGAIN_MS < offer.left_ms <= 0):
            agent.declined[offer.channel] = offer
    return list(found.values())


def _best(waiting: Waiting, asked: frozenset[str], agents: Sequence[_Agent], *, is_patient: bool) -> _Agent | None:
    willing = [agent for agent in agents if waiting.channel not in agent.declined]
    right = [agent for agent in willing if asked <= agent.candidate.skills]
    if asked and right and is_patient:
        willing = right
    free = [agent for agent in willing if agent.free > 0]
    return min(free, key=lambda agent: _preference(waiting, asked, agent), default=None)


def _preference(waiting: Waiting, asked: frozenset[str], agent: _Agent) -> tuple[int, int, int, bytes]:
    """The smallest is the best."""
    lacking = len(asked - agent.candidate.skills)
    pair = f"{waiting.channel} {agent.candidate.agent_id}".encode()
    return (lacking, -agent.free, agent.load, hashlib.blake2b(pair, digest_size=8).digest())


def _rank(waiting: Waiting, order: Order) -> tuple[float, int, str]:
    """The smallest comes first; who is alike waits longest first."""
    value = 0.0
    if order == "angriest":
        value = _number(_mapping(waiting.analysis.get("sentiment")).get("score"))
    elif order == "most_urgent":
        value = -_number(waiting.analysis.get("urgency"))
    return (value, waiting.waiting_since_ms, waiting.channel)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
