"""Which variant a unit gets: a function of names alone, the same on every worker and in every language.

``position(salt, unit)`` is the first eight bytes, big-endian, of SHA-256 over the UTF-8 bytes of ``salt``, a newline
and ``unit``: a whole number of [0, 2^64), read as a fraction of 2^64. A bucket of ``parts`` is ``position × parts``
divided by 2^64, rounded down, so the ranges are half-open and exact in integers. docs/experiments.md has test vectors.

Every question has a salt of its own (which variant, exposed or not, which slice of a layer, held out or not): with one
salt for two questions, or for two experiments, their answers would depend on each other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate

from adapters.experiments.targeting import Attributes, Rule, matches

PARTS = 1_000_000
"""Shares of users are counted in millionths."""


def position(salt: str, unit: str) -> int:
    """In [0, 2^64). ``ValueError`` for an empty unit, or a salt that is empty or holds a newline: with one inside, two
    pairs could give the same bytes."""
    if not salt or "\n" in salt:
        raise ValueError(f"the salt {salt!r} is empty or holds a newline: give one line of text.")
    if not unit:
        raise ValueError("the unit is empty: give the identifier of the user (or whatever is randomised).")
    return int.from_bytes(sha256(f"{salt}\n{unit}".encode()).digest()[:8], "big")


def bucket(salt: str, unit: str, parts: int) -> int:
    """In [0, parts), each as likely as any other to 2^-64."""
    return position(salt, unit) * parts >> 64


def pick(salt: str, unit: str, weights: Mapping[str, int]) -> str:
    """A name of ``weights`` (whole numbers ≥ 0, not all 0), with the chance that its weight has of their sum. The
    mapping's order counts: each name owns the half-open range after the one before."""
    ends = list(accumulate(weights.values()))
    if not ends or ends[-1] <= 0 or min(weights.values()) < 0:
        raise ValueError(f"weights {dict(weights)!r}: give whole numbers from 0 on, at least one of them above 0.")
    return list(weights)[bisect_right(ends, bucket(salt, unit, ends[-1]))]


def parts_of(share: float) -> int:
    """A share of [0, 1] in ``PARTS``."""
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share {share!r}: give a number from 0 to 1.")
    return round(share * PARTS)


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Users kept out of whatever the hold-out is for. ``share`` in [0, 1]; raising it only adds users."""

    name: str
    share: float

    def __post_init__(self) -> None:
        parts_of(self.share)

    def holds(self, unit: str) -> bool:
        """Whether ``unit`` is held out."""
        return bucket(f"{self.name}/hold-out", unit, PARTS) < parts_of(self.share)


@dataclass(frozen=True, slots=True)
class BanditHoldOut:
    """Users whose arm is drawn by hash, equally, for as long as they are here; the bandit neither chooses for them nor
    learns from them. Only between these users are arms an experiment: what a bandit chose is no A/B test, since it
    sends each arm the users and the hours for which it looked best."""

    policy: str
    share: float

    def arm(self, unit: str, arms: Sequence[str]) -> str | None:
        """The arm of a user who is held out, None for all others."""
        if not HoldOut(f"{self.policy}/bandit", self.share).holds(unit):
            return None
        return pick(f"{self.policy}/bandit-arm", unit, dict.fromkeys(arms, 1))


@dataclass(frozen=True, slots=True)
class Slice:
    """The part [start, end) of a layer, in ``PARTS``, that one experiment owns."""

    layer: str
    start: int = 0
    end: int = PARTS

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= PARTS:
            raise ValueError(f"slice [{self.start}, {self.end}) of {self.layer!r}: give 0 ≤ start < end ≤ {PARTS}.")

    def holds(self, unit: str) -> bool:
        """Whether ``unit`` falls into it."""
        return self.start <= bucket(f"{self.layer}/layer", unit, PARTS) < self.end

    def overlaps(self, other: Slice) -> bool:
        """Whether some user could be in both."""
        return self.layer == other.layer and self.start < other.end and other.start < self.end


def free_slice(layer: str, share: float, taken: Sequence[Slice]) -> Slice:
    """The first gap of ``layer`` that is ``share`` wide. ``ValueError`` where there is none."""
    width, start = parts_of(share), 0
    for own in sorted((own for own in taken if own.layer == layer), key=lambda own: own.start):
        if own.start - start >= width:
            break
        start = max(start, own.end)
    if width == 0 or start + width > PARTS:
        raise ValueError(
            f"layer {layer!r} has no room for {share:.1%}: stop an experiment there, ask for less, or take another."
        )
    return Slice(layer, start, start + width)


@dataclass(frozen=True, slots=True)
class Allocation:
    """All that decides who gets what in one experiment.

    ``salt``: the experiment's own, never changed or used again. ``weights``: whole numbers by variant, in order.
    ``exposure``: share of the eligible that take part; raised, it only adds users, and nobody changes variant, since
    variant and exposure are separate hashes. ``rules``: all must hold. ``hold_outs``: whose users take no part.
    """

    salt: str
    weights: Mapping[str, int]
    exposure: float = 1.0
    slice: Slice | None = None
    rules: tuple[Rule, ...] = ()
    hold_outs: tuple[HoldOut, ...] = field(default=())

    def __post_init__(self) -> None:
        parts_of(self.exposure)
        pick(self.salt, "-", self.weights)  # raises for weights that can't be drawn from

    def variant(self, unit: str, attributes: Attributes, kept: str | None = None) -> str | None:
        """The variant of ``unit``, None for who takes no part.

        ``kept``: what was recorded at the first exposure. It stays, whatever became of the user's attributes or of the
        exposure since; only a variant that no longer exists is drawn anew.
        """
        if kept is not None and kept in self.weights:
            return kept
        if any(own.holds(unit) for own in self.hold_outs):
            return None
        if self.slice is not None and not self.slice.holds(unit):
            return None
        if bucket(f"{self.salt}/exposure", unit, PARTS) >= parts_of(self.exposure):
            return None
        return pick(f"{self.salt}/variant", unit, self.weights) if matches(self.rules, attributes) else None
