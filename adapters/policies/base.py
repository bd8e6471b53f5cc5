"""What all policies share: checks, the arms and which of them are open, the draw, the version, the state's envelope."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adapters.names import suggestion
from adapters.policies import codec
from adapters.policies.checks import distinct_names, number, short_name, whole
from adapters.policies.contract import ArmExplanation, Decision, Observation
from adapters.policies.forgetting import Forgetting
from adapters.policies.mixture import Distribution, Mixture

Vector = NDArray[np.float64]

MAX_LENGTH = 1e3  # of a context; a million features at 1 reach it, and longer ones would drown the others in rounding
LATEST_MS = 1e14  # year 5138
MOST_MASKS = 1_024  # mixtures kept; a mask is a choice of the configuration, so there are few


MAX_NAME_CHARACTERS = 256  # of a user or a segment, of which a policy may remember thousands

# A checked ``Observation``: index of the arm, x, reward, previous, at_ms, propensity, user, segment. A bare tuple,
# since to make a named one takes a third of a microsecond.
Event = tuple[int, Vector, float, float | None, float | None, float | None, str | None, str | None]


class BasePolicy(ABC):
    """A policy's frame; an algorithm fills in the distribution, the update and the arrays that it learns.

    ``arms``: at least one, distinct. ``dim`` ≥ 1. ``seed`` ≥ 0 starts the generator of the draws and is the worker's
    own. ``floor``: least probability of an allowed arm, in [0, 1/arms]. ``epsilon`` in [0, 1]: share of the rest that
    is spread evenly. ``ValueError`` otherwise.
    """

    name: ClassVar[str]

    def __init__(self, arms: Sequence[str], dim: int, seed: int, *, floor: float = 0.0, epsilon: float = 0.0) -> None:
        self.arms = distinct_names(arms)
        self.paused: frozenset[str] = frozenset()
        self.dim = whole("dim", dim, 1)
        self.version = 0
        self._floor = number("floor", floor, 0.0, 1.0)
        self._epsilon = number("epsilon", epsilon, 0.0, 1.0)
        self._forgetting = Forgetting(None)
        self._shape = (self.dim,)
        self._uniform = np.random.default_rng(whole("seed", seed, 0)).random
        self._settle(Mixture(len(self.arms), self._floor, self._epsilon))

    def _settle(self, mixture: Mixture) -> None:
        self._index = {arm: index for index, arm in enumerate(self.arms)}
        self._mixture = mixture  # of the arms that are not paused
        self._mixtures: dict[frozenset[str], Mixture] = {}

    # What an algorithm fills in

    @abstractmethod
    def _distribution(self, x: Vector, mixture: Mixture) -> Distribution:
        """Of the arms that ``mixture`` allows, in context ``x`` (dim,)."""

    @abstractmethod
    def _learn(self, event: Event) -> None:
        """Learn a checked event."""

    def _learn_many(self, events: Sequence[Event]) -> None:
        for event in events:
            self._learn(event)

    @abstractmethod
    def _explain(self, x: Vector, names: Sequence[str], mixture: Mixture) -> tuple[ArmExplanation, ...]:
        """Per arm, for a checked context and ``dim`` names."""

    def _meet(self, user: str | None, segment: str | None) -> None:  # noqa: B027
        """The next distribution or explanation is for them; for policies that know people."""

    def _sums(self) -> codec.Arrays:
        """What was learned as sums over events, by name; the first axis is the arms'. They shrink and add up."""
        return {}

    def _tracks(self) -> codec.Arrays:
        """What was learned of each arm and is no sum, by name; the first axis is the arms'."""
        return {}

    def _derived(self) -> codec.Arrays:
        """What follows from the sums, kept so that a loaded policy goes on to the bit."""
        return {}

    def _derive(self) -> None:  # noqa: B027  a policy without sums has nothing to do
        """Make what follows from the sums anew."""

    def _allocate(self, arms: int) -> None:  # noqa: B027
        """Room for ``arms`` arms that have learned nothing."""

    def _set_traits(self, traits: Sequence[Sequence[float] | None]) -> None:  # noqa: B027
        """Per arm what it is like, for policies that share between arms."""

    def _traits(self) -> Sequence[Sequence[float] | None]:
        return [None] * len(self.arms)

    def _shaping(self) -> Mapping[str, Any]:
        """Parameters that are inside of what was learned, and can't be changed after it (JSON values)."""
        return {}

    # Choosing and learning

    def choose(
        self,
        x: ArrayLike,
        allowed: Collection[str] | None = None,
        user: str | None = None,
        segment: str | None = None,
    ) -> Decision:
        """See ``Policy.choose``."""
        self._meet(user, segment)
        mixture = self._mixture if allowed is None else self._restricted(allowed)
        distribution = self._distribution(self._context(x), mixture)
        index = distribution.draw(self._uniform())
        probabilities = distribution.probabilities
        return Decision(self.arms[index], probabilities.item(index), probabilities, self.version)

    def explain(
        self,
        x: ArrayLike,
        names: Sequence[str] = (),
        allowed: Collection[str] | None = None,
        user: str | None = None,
        segment: str | None = None,
    ) -> tuple[ArmExplanation, ...]:
        """See ``Policy.explain``."""
        self._meet(user, segment)
        mixture = self._mixture if allowed is None else self._restricted(allowed)
        return self._explain(self._context(x), self._names(names), mixture)

    def learn(
        self,
        arm: str,
        x: ArrayLike,
        reward: float,
        previous: float | None = None,
        *,
        at_ms: float | None = None,
        propensity: float | None = None,
        user: str | None = None,
        segment: str | None = None,
    ) -> None:
        """See ``Policy.learn``."""
        self._learn(self._event(arm, x, reward, previous, at_ms, propensity, user, segment))
        self.version += 1

    def learn_many(self, observations: Sequence[Observation]) -> None:
        """See ``Policy.learn_many``."""
        events = [
            self._event(o.arm, o.x, o.reward, o.previous, o.at_ms, o.propensity, o.user, o.segment)
            for o in observations
        ]
        self._learn_many(events)
        self.version += len(events)

    def _event(  # noqa: PLR0917  names would cost a fifth of a microsecond
        self,
        arm: str,
        x: ArrayLike,
        reward: object,
        previous: object,
        at_ms: object,
        propensity: object,
        user: object,
        segment: object,
    ) -> Event:
        return (
            self._arm(arm),
            self._context(x),
            self._reward("reward", reward),
            None if previous is None else self._reward("previous", previous),
            None if at_ms is None else number("at_ms", at_ms, 0.0, LATEST_MS),
            None if propensity is None else number("propensity", propensity, 1e-12, 1.0),
            None if user is None else short_name("user", user, MAX_NAME_CHARACTERS),
            None if segment is None else short_name("segment", segment, MAX_NAME_CHARACTERS),
        )

    # Arms that come and go

    def add_arm(
        self, arm: str, like: str | None = None, weight: float = 1.0, traits: Sequence[float] | None = None
    ) -> None:
        """See ``Policy.add_arm``."""
        arms = distinct_names((*self.arms, arm))
        source = None if like is None else self._arm(like)
        weight = number("weight", weight, 0.0, 1.0)
        order = [*range(len(self.arms)), source]
        self._rearrange(arms, order, [1.0] * len(self.arms) + [weight], [*self._traits(), traits])

    def remove_arm(self, arm: str) -> None:
        """See ``Policy.remove_arm``."""
        index = self._arm(arm)
        if self.paused.issuperset(set(self.arms) - {arm}):
            raise ValueError(f"arm {arm!r} is the last that is not paused. Add or resume another first.")
        order = [other for other in range(len(self.arms)) if other != index]
        traits = self._traits()
        arms = tuple(self.arms[other] for other in order)
        self._rearrange(arms, order, [1.0] * len(order), [traits[other] for other in order])

    def _rearrange(
        self,
        arms: tuple[str, ...],
        order: Sequence[int | None],
        weights: Sequence[float],
        traits: Sequence[Sequence[float] | None],
    ) -> None:
        """Go over to ``arms``; each takes over what the arm ``order`` (an index until now) learned, None: nothing."""
        paused = self.paused & set(arms)
        mixture = self._opened(arms, paused)
        self._set_traits(traits)  # the last that can refuse
        sums = {name: array.copy() for name, array in self._sums().items()}
        tracks = {name: array.copy() for name, array in self._tracks().items()}
        self._allocate(len(arms))
        for new, (old, weight) in enumerate(zip(order, weights, strict=True)):
            if old is not None:
                for name, array in self._sums().items():
                    array[new] = weight * sums[name][old]
                if self.arms[old] == arms[new]:
                    for name, array in self._tracks().items():
                        array[new] = tracks[name][old]
        self.arms, self.paused = arms, paused
        self._settle(mixture)
        self._derive()

    def pause(self, arm: str) -> None:
        """See ``Policy.pause``."""
        self._arm(arm)
        paused = self.paused | {arm}
        if len(paused) == len(self.arms):
            raise ValueError(f"arm {arm!r} is the last that is not paused. Add or resume another first.")
        self._open_but(paused)

    def resume(self, arm: str) -> None:
        """See ``Policy.resume``."""
        self._arm(arm)
        self._open_but(self.paused - {arm})

    def _open_but(self, paused: frozenset[str]) -> None:
        self.paused = paused
        self._settle(self._opened(self.arms, paused))

    def _opened(self, arms: Sequence[str], closed: Collection[str]) -> Mixture:
        allowed = [index for index, arm in enumerate(arms) if arm not in closed]
        return Mixture(len(arms), self._floor, self._epsilon, allowed)

    def _restricted(self, allowed: Collection[str]) -> Mixture:
        key = frozenset((allowed,)) if isinstance(allowed, str) else frozenset(allowed)
        mixture = self._mixtures.get(key)
        if mixture is None:
            for arm in key:
                self._arm(arm)
            if not key - self.paused:
                raise ValueError(f"no arm is left of those allowed ({', '.join(sorted(key))}). Allow or resume one.")
            if len(self._mixtures) >= MOST_MASKS:
                self._mixtures.clear()
            mixture = self._mixtures[key] = self._opened(self.arms, self.paused | (set(self.arms) - key))
        return mixture

    # States

    def state(self) -> bytes:
        """See ``Policy.state``."""
        header = self._header() | {"version": self.version, "landmark_ms": self._forgetting.landmark_ms}
        return codec.pack({**header, **self._roster()}, self._arrays())

    def load(self, state: bytes) -> None:
        """See ``Policy.load``."""
        header, arrays = self._checked_state(state)
        self._fill(header, arrays)
        self.version = header["version"]
        self._forgetting.landmark_ms = header["landmark_ms"]

    def merge(self, states: Sequence[bytes], since: bytes | None = None) -> None:
        """See ``Policy.merge``."""
        parts = [(1.0, *self._checked_state(state)) for state in states]
        if since is not None:
            parts.append((-float(len(states)), *self._checked_state(since)))
        landmark_ms = max([self._forgetting.landmark_ms, *(header["landmark_ms"] for _, header, _ in parts)])
        own = self._forgetting.between(self._forgetting.landmark_ms, landmark_ms)
        for array in self._sums().values():
            np.multiply(array, own, out=array)
        for sign, header, arrays in parts:
            self._add(header, arrays, sign * self._forgetting.between(header["landmark_ms"], landmark_ms))
        for array in self._tracks().values():
            array[:] = 0.0
        self._forgetting.landmark_ms = landmark_ms
        self.version += round(sum(sign * header["version"] for sign, header, _ in parts))
        self._derive()

    def _arrays(self) -> codec.Arrays:
        return {**self._sums(), **self._tracks(), **self._derived()}

    def _shapes(self, _header: Mapping[str, Any]) -> Mapping[str, tuple[int, ...]]:
        """What a state with this header must hold; ``ValueError`` for a roster that can't be."""
        return {name: array.shape for name, array in self._arrays().items()}

    def _roster(self) -> Mapping[str, Any]:
        """Whom the arrays tell of, for a policy that keeps some by name (JSON values)."""
        return {}

    def _fill(self, _header: Mapping[str, Any], arrays: codec.Arrays) -> None:
        """Replace what was learned by a checked state's."""
        for name, array in self._arrays().items():
            np.copyto(array, arrays[name])

    def _add(self, _header: Mapping[str, Any], arrays: codec.Arrays, factor: float) -> None:
        """Add ``factor`` times a checked state's sums."""
        for name, array in self._sums().items():
            np.add(array, factor * arrays[name], out=array)

    def _checked_state(self, state: bytes) -> tuple[dict[str, Any], codec.Arrays]:
        header, arrays = codec.unpack(state)
        for key, own in self._header().items():
            if header.get(key) != own:
                raise ValueError(
                    f"the policy state has {key} {header.get(key)!r}, this policy has {own!r}. Make the policy like the"
                    " state, or replay the reward log."
                )
        for name, shape in self._shapes(header).items():
            if name not in arrays or arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
                raise ValueError(f"the policy state's {name!r} is missing or malformed. Replay the reward log instead.")
        whole("the policy state's version", header.get("version"), 0)
        number("the policy state's landmark_ms", header.get("landmark_ms"), 0.0, LATEST_MS)
        return header, arrays

    def _header(self) -> dict[str, Any]:
        return {"policy": self.name, "arms": list(self.arms), "dim": self.dim, "parameters": dict(self._shaping())}

    # Checks

    def _arm(self, arm: str) -> int:
        index = self._index.get(arm)
        if index is None:
            raise ValueError(f"there is no arm {arm!r}. {suggestion(arm, self.arms)}")
        return index

    def _reward(self, name: str, value: object) -> float:
        return number(name, value, 0.0, 1.0)

    def _context(self, x: ArrayLike) -> Vector:
        try:
            context: Vector = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"the context is no vector of {self.dim} numbers.") from None
        if context.shape != self._shape:
            raise ValueError(f"the context has shape {context.shape}, this policy takes {self._shape}.")
        # One length finds NaN and infinity too; unlike a product, hypot neither overflows nor warns.
        if not math.hypot(*context.tolist()) <= MAX_LENGTH:
            raise ValueError(f"the context is not finite or longer than {MAX_LENGTH:g}: scale its features to about 1.")
        return context

    def _names(self, names: Sequence[str]) -> Sequence[str]:
        if names and len(names) != self.dim:
            raise ValueError(f"{len(names)} feature names for a context of {self.dim} numbers.")
        return names or [f"x[{i}]" for i in range(self.dim)]
