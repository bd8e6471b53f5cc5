"""The steps of the fold: what a policy makes of an entry of its log (DESIGN's law 5). No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import structlog

from adapters.personas import Persona
from adapters.policies import Policy
from adapters.policies.base import MAX_NAME_CHARACTERS
from server.chat.lineage import Lineage
from server.store.ports import RewardEvent

Skipped = Literal["arm", "features", "invalid"]
"""Why nothing can be learned from an event: the persona is gone, it has more features than are known here, or the
policy refuses it."""

_log = structlog.get_logger(__name__)


class PolicyMaker(Protocol):
    """Makes the policies that a fold begins with. Each call of ``make`` draws its own random numbers."""

    @property
    def personas(self) -> tuple[Persona, ...]:
        """Those of the file: the arms before the log's first change."""

    def make(self, personas: Sequence[Persona]) -> tuple[Policy, int]:
        """One that has learned nothing yet, and the seed of its draws."""

    def add(self, policy: Policy, persona: Persona, among: Sequence[Persona], like: str | None, weight: float) -> None:
        """A new arm, which knows what ``like`` does or, None, what a new policy would of it."""


@dataclass(slots=True)
class Fold:
    """A policy that has folded its log up to and including ``version``; ``seed`` is that of its draws. ``salt``: the
    database's, for ``pseudonym``; None until the log was first read."""

    policy: Policy
    version: int
    lineage: Lineage
    seed: int | None = None
    salt: int | None = None


def learn(policy: Policy, event: RewardEvent, salt: int | None = None) -> Skipped | None:
    """Let ``policy`` learn ``event``; None, or why it learned nothing. ``salt`` as in ``Fold``.

    Features are only ever appended, so an older release's shorter context is this one's with zeros behind it. Time and
    propensity are the decision's, not the reward's: a late reward must not look like news.
    """
    if event.arm not in policy.arms:
        return "arm"
    missing = policy.dim - len(event.features)
    if missing < 0:
        return "features"
    x = np.pad(np.asarray(event.features, dtype=np.float64), (0, missing))
    try:
        policy.learn(
            event.arm,
            x,
            event.reward,
            event.previous,
            at_ms=event.decided_ms,
            propensity=event.propensity,
            user=pseudonym(event.user, salt),
            segment=known(event.segment),
        )
    except ValueError as error:  # the log is what it is: one bad row must not stop the fold
        _log.warning("reward not learned", policy=event.policy, log_offset=event.log_offset, reason=str(error))
        return "invalid"
    return None


def known(name: str | None) -> str | None:
    """Tokens of other systems may name anybody; who has no name or one without end is nobody to a policy."""
    return name if name is not None and 0 < len(name) <= MAX_NAME_CHARACTERS else None


def pseudonym(user: str | None, salt: int | None) -> str | None:
    """The name by which policies know a user. States and their snapshots outlive what is erased elsewhere, so they hold
    no user's id, nor what could be had from one without the salt of the database: 128 bits of a keyed BLAKE2b (RFC
    7693)."""
    name = known(user)
    if name is None:
        return None
    key = (salt or 0).to_bytes(8, "little")
    return hashlib.blake2b(name.encode(errors="surrogatepass"), key=key, digest_size=16).hexdigest()


def conform(policy: Policy, lineage: Lineage, maker: PolicyMaker, like: str | None = None, weight: float = 1.0) -> None:
    """Give ``policy`` the arms of ``lineage``, new ones like ``like``. ``ValueError``: it can't have them."""
    for persona in lineage.personas:
        if persona.name not in policy.arms:
            maker.add(policy, persona, lineage.personas, like if like in policy.arms else None, weight)
    for arm in policy.paused:
        policy.resume(arm)
    for arm in set(policy.arms) - set(lineage.arms):
        policy.remove_arm(arm)
    for arm in sorted(lineage.paused):
        policy.pause(arm)
