"""What became of a policy by the changes in its log: which arms it has, and what of the log it still knows. Pure.

A rollback to S at N forgets the entries of (S, N] but not the arms: those that are there at N stay, those that S knew
with what they had learned by then. So a lineage is a function of the personas' file and of the changes up to a place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from adapters.personas import Persona, PersonaError, parse_personas
from server.store.policy_ports import PolicyChange

MAX_ARMS = 64
"""A choice scores every arm; beyond that, personas are hardly told apart anyway."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """``personas``: the arms, in the policy's order. ``born``: since which ``log_offset`` an arm learns, for those that
    were added. ``forgotten``: ranges (after, up to and including) of the log whose rewards are not in the state."""

    personas: tuple[Persona, ...]
    paused: frozenset[str] = frozenset()
    born: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    forgotten: tuple[tuple[int, int], ...] = ()

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(persona.name for persona in self.personas)

    def holds(self, arm: str, log_offset: int) -> bool:
        """Whether what ``arm`` got at ``log_offset`` is in the state."""
        if log_offset <= self.born.get(arm, 0):
            return False
        return not any(after < log_offset <= upto for after, upto in self.forgotten)

    def after(self, change: PolicyChange, at: Callable[[int], Lineage]) -> Lineage:
        """What ``change`` makes of it; itself where the change can't be followed. ``at``: the lineage at an offset."""
        if change.kind == "rollback":
            to = target_of(change)
            return self if to is None else self._rolled_back(change.log_offset, to, at(to))
        if change.kind == "add":
            persona = persona_of(change.data)
            return self if persona is None else self._with(persona, change.log_offset)
        arm = str(change.data.get("arm"))
        if arm not in self.arms or (change.kind in {"remove", "pause"} and not self._open - {arm}):
            return self
        if change.kind == "pause":
            return replace(self, paused=self.paused | {arm})
        if change.kind == "resume":
            return replace(self, paused=self.paused - {arm})
        return self._without(arm) if change.kind == "remove" else self

    @property
    def _open(self) -> frozenset[str]:
        return frozenset(self.arms) - self.paused

    def _with(self, persona: Persona, log_offset: int) -> Lineage:
        if persona.name in self.arms or len(self.personas) >= MAX_ARMS:
            return self
        born = MappingProxyType({**self.born, persona.name: log_offset})
        return replace(self, personas=(*self.personas, persona), born=born)

    def _without(self, arm: str) -> Lineage:
        kept = tuple(persona for persona in self.personas if persona.name != arm)
        return replace(self, personas=kept, paused=self.paused - {arm})

    def _rolled_back(self, log_offset: int, to: int, then: Lineage) -> Lineage:
        here = {persona.name: persona for persona in self.personas}
        kept = tuple(here[arm] for arm in then.arms if arm in here)
        come = tuple(persona for persona in self.personas if persona.name not in then.arms)
        born = {arm: then.born[arm] for arm in then.arms if arm in here and arm in then.born}
        born |= {persona.name: log_offset for persona in come}
        return Lineage((*kept, *come), self.paused, MappingProxyType(born), (*then.forgotten, (to, log_offset)))


def lineage_at(personas: Sequence[Persona], changes: Sequence[PolicyChange], log_offset: float) -> Lineage:
    """After the entry at ``log_offset``; ``personas`` are those of the file, ``changes`` all in order."""
    known = [(0, Lineage(tuple(personas)))]

    def at(position: int) -> Lineage:
        return known[bisect_right(known, position, key=itemgetter(0)) - 1][1]

    for change in changes:
        if change.log_offset > log_offset:
            break
        known.append((change.log_offset, known[-1][1].after(change, at)))
    return known[-1][1]


def target_of(change: PolicyChange) -> int | None:
    """Where a rollback goes back to; None where it says no place before itself, and for other changes."""
    to = change.data.get("to")
    is_place = isinstance(to, int) and not isinstance(to, bool) and 0 <= to < change.log_offset
    return to if change.kind == "rollback" and is_place else None


def persona_of(data: Mapping[str, Any]) -> Persona | None:
    """The persona that a change brings; None where it can't be read."""
    try:
        (persona,) = parse_personas({"personas": [data.get("persona")]}, "the persona")
    except PersonaError:
        return None
    return persona
