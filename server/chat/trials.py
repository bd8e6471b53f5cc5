"""Experiments in the turn: which concern this customer, which variant, and what is recorded of it.

Who gets what is a function of names (``adapters.experiments.assignment``), the same on every worker. The ledger is
asked only where it could say otherwise: of a paused experiment, and of one with targeting rules, whose customers stay
in it whatever becomes of their attributes. That read goes beside the model's work.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from adapters.experiments.assignment import Allocation, BanditHoldOut
from adapters.experiments.changes import Change
from adapters.experiments.design import Experiment, ExperimentError
from adapters.experiments.documents import from_document
from adapters.experiments.targeting import Attributes
from adapters.policies import Decision
from inference.analysis import Analysis
from server.chat.memory import Memory
from server.chat.peer import GUEST_NAME
from server.chat.signals import ExperimentsMoved, Signals
from server.chat.treatments import NO_TREATMENT, Abilities, Treatment, can_decide, treatment_of
from server.chat.variant_policies import Chooser, VariantPolicies, is_learning, log_of, still
from server.clock import Clock
from server.errors import ProtocolError
from server.store.experiment_ports import ExperimentRow, Exposure, TrialTurn
from server.store.policy_ports import PolicyMode
from server.store.ports import OpenTurn, Store
from server.telemetry import Metrics
from server.wire.frames import Message
from server.wire.parts import ExperimentRef, User

LOOK_EVERY_S = 2.0
MAX_USERS: Final = 50_000
"""Users whose exposures are remembered: about 300 bytes each. Who is forgotten is looked up, or noted, again."""

TRUST_MS: Final = 5_000.0
"""For how long another worker is taken not to have shown something to a user."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """One turn's part in experiments. ``ref``: the first of them, as the wire tells it. ``exposures``: new ones.
    ``is_observed``: what comes of the turn is recorded."""

    treatment: Treatment = NO_TREATMENT
    ref: ExperimentRef | None = None
    exposures: tuple[Exposure, ...] = ()
    is_observed: bool = False


NO_PART: Final = Part()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A decision for the log of this name; ``version``, ``seed`` and ``mode`` are those of what drew it."""

    log: str
    arms: tuple[str, ...]
    decision: Decision
    version: int = 0
    seed: int | None = None
    mode: PolicyMode = "live"


@dataclass(frozen=True, slots=True)
class _Known:
    """What is recorded of a user. ``read_ms``: when all of it was read (monotonic); None: never."""

    variants: Mapping[str, str]
    read_ms: float | None = None


@dataclass(frozen=True, slots=True)
class _Active:
    """An experiment that acts. ``changes``: by variant, each with the name of its log."""

    experiment: Experiment
    allocation: Allocation
    changes: Mapping[str, Sequence[tuple[str, Change]]]

    @property
    def deciding(self) -> list[tuple[str, Change]]:
        """The changes of the variants that somebody can get."""
        own = self.experiment
        names = [own.winner] if own.state == "completed" else list(self.changes)
        return [change for name in names if name is not None for change in self.changes[name]]

    def variant(self, user_id: str, attributes: Attributes, kept: str | None) -> str | None:
        own = self.experiment
        if own.state == "running":
            return self.allocation.variant(user_id, attributes, kept)
        return own.variant(user_id, attributes, kept)


class Trials:
    """The running experiments as this worker knows them.

    ``policies`` are those of the variants that learn. ``relieve``: hands a conversation (its channel) to a person, for
    a reason. ``hold_out``: users whose personas are drawn by hash and never learned from. ``sole_worker``: nobody else
    records exposures.
    """

    def __init__(
        self,
        *,
        store: Store,
        signals: Signals,
        clock: Clock,
        metrics: Metrics,
        can: Abilities,
        relieve: Callable[[str, str], Awaitable[None]],
        policies: VariantPolicies | None = None,
        hold_out: BanditHoldOut | None = None,
        sole_worker: bool = True,
        max_users: int = MAX_USERS,
    ) -> None:
        self._store = store
        self._signals = signals
        self._clock = clock
        self._metrics = metrics
        self._can = can
        self._relieve = relieve
        self._policies = policies or VariantPolicies()
        self._hold_out = hold_out
        self._sole_worker = sole_worker
        self._max_users = max_users
        self._version = -1
        self._active: tuple[_Active, ...] = ()
        self._asks_ledger = self._asks_attributes = False
        self._users: OrderedDict[str, _Known] = OrderedDict()
        self._treatments: dict[tuple[tuple[str, str], ...], Treatment] = {}
        self._stirred = asyncio.Event()
        signals.on(ExperimentsMoved, lambda _: self._stirred.set())

    # ------------------------------------------------------------------ keeping up

    async def look(self) -> None:
        """Take up what has changed in the ledger. ``Unavailable``."""
        version = await self._store.experiments_version()
        if version != self._version:
            rows = await self._store.experiments(("running", "paused", "completed"))
            await self._policies.follow(_learning(rows))
            self.take(rows)
            self._version = version  # read before: a change in between is taken up the next time

    async def follow(self) -> None:
        """Run for ever: look when a worker says so, and from time to time, since commands change only the ledger."""
        while True:
            try:
                await self.look()
            except ProtocolError as error:
                _log.warning("experiments not read", reason=str(error))
            except Exception:  # whatever it was, the next look must come
                _log.exception("experiments not read")
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._stirred.wait()
            except TimeoutError:
                pass
            self._stirred.clear()

    async def close(self) -> None:
        """What the variants' policies know is kept."""
        await self._policies.close()

    @property
    def asks_segment(self) -> bool:
        """Whether some variant's policy goes by the customer's segment."""
        return self._policies.know_segments

    async def tell(self) -> None:
        """An experiment was changed here: take it up, and let the other workers do so."""
        await self.look()
        await self._signals.send(ExperimentsMoved())

    def take(self, rows: Sequence[ExperimentRow]) -> None:
        """These are the experiments from now on; what was remembered of users may not hold for them."""
        found = [own for own in map(_read, rows) if own is not None]
        found.sort(key=lambda own: (own.experiment.started_ms or 0, own.experiment.id))
        self._active = tuple(found)
        open_ones = [own.experiment for own in found if own.experiment.state != "completed"]
        self._asks_attributes = any(own.rules for own in open_ones)
        self._asks_ledger = self._asks_attributes or any(own.state == "paused" for own in open_ones)
        self._users.clear()
        self._treatments.clear()
        self._metrics.experiments_running.set(sum(own.state == "running" for own in open_ones))

    # ------------------------------------------------------------------ the turn

    def recall(self, user_id: str) -> asyncio.Future[Mapping[str, str]]:
        """The variants that were recorded for a user; begun at once, to be awaited when the text is understood."""
        known = self._users.get(user_id)
        if self._asks_ledger and (known is None or not self._holds(known)):
            reading = asyncio.create_task(self._read_user(user_id))
            reading.add_done_callback(_mark_retrieved)
            return reading
        found: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        found.set_result({} if known is None else known.variants)
        return found

    def part_in(self, asked: Message, turns: int, analysis: Analysis, kept: Mapping[str, str]) -> Part:
        """What the experiments make of a message, its conversation's ``turns``-th; ``kept``: see ``recall``."""
        sender, now_ms = asked.sender, self._clock.now_ms()
        return self.part(sender.id, lambda: attributes_of(sender, analysis, turns, now_ms), kept, now_ms)

    def part(self, user_id: str, attributes: Callable[[], Attributes], kept: Mapping[str, str], now_ms: int) -> Part:
        """The user's part in the experiments that act now; microseconds, no I/O."""
        if not self._active:
            return NO_PART
        known = attributes() if self._asks_attributes else {}
        chosen: list[tuple[str, str]] = []
        exposures: list[Exposure] = []
        ref = None
        for own in self._active:
            name = own.experiment.id
            variant = own.variant(user_id, known, kept.get(name))
            if variant is None:
                continue
            chosen.append((name, variant))
            if own.experiment.state == "completed":
                continue
            ref = ref or ExperimentRef(name, variant)
            if kept.get(name) != variant:
                exposures.append(Exposure(name, user_id, variant, now_ms))
        if not chosen:
            return NO_PART
        return Part(self._treatment(tuple(chosen)), ref, tuple(exposures), ref is not None)

    def draw(
        self, part: Part, x: NDArray[np.float64], arms: tuple[str, ...], *, user: str, segment: str | None = None
    ) -> Drawn | None:
        """The decision in place of the server's policy's, which may draw these ``arms`` now; None leaves it to that, as
        where a variant's persona, or all that its policy knows, may not answer here."""
        treatment = part.treatment
        if treatment.persona is not None:
            if treatment.persona not in arms:
                return None
            return Drawn(treatment.log, (treatment.persona,), Decision(treatment.persona, 1.0, np.ones(1), 0))
        if treatment.policy is not None:
            return drawn_by(treatment.policy, x, arms, user=user, segment=segment)
        if self._hold_out is None or not arms or (arm := self._hold_out.arm(user, arms)) is None:
            return None
        even = np.full(len(arms), 1.0 / len(arms))
        return Drawn(f"{self._hold_out.policy}:holdout", arms, Decision(arm, 1.0 / len(arms), even, 0))

    def record(self, part: Part, turn: OpenTurn, memory: Memory, score: float, now_ms: int) -> TrialTurn | None:
        """What the ledger shall know of a turn that is answered at ``now_ms``; ``score`` is its sentiment's."""
        if not part.is_observed:
            return None
        asked, last = turn.message, memory.last
        return TrialTurn(
            user_id=asked.sender.id,
            response_ms=max(0, now_ms - asked.at_ms),
            sentiment_score=score,
            reply_to_ms=last.at_ms if last is not None and asked.at_ms > last.at_ms else None,
            exposures=part.exposures,
        )

    async def answered(self, part: Part, turn: OpenTurn, analysis: Analysis, turn_number: int) -> None:
        """The answer is stored: its exposures need not be noted again, and a rule may want a person now."""
        if part.exposures:
            self._recorded(turn.message.sender.id, part.exposures)
        reason = part.treatment.person_wanted(analysis, turn_number)
        if reason is not None:
            await self._relieve(turn.message.channel, reason)

    def _recorded(self, user_id: str, exposures: Sequence[Exposure]) -> None:
        known = self._users.get(user_id)
        variants = {} if known is None else dict(known.variants)
        for one in exposures:
            variants.setdefault(one.experiment_id, one.variant)
            self._metrics.exposure(one.experiment_id, one.variant)
        self._remember(user_id, _Known(variants, None if known is None else known.read_ms))

    def _treatment(self, chosen: tuple[tuple[str, str], ...]) -> Treatment:
        found = self._treatments.get(chosen)
        if found is None:
            by_id = {own.experiment.id: own for own in self._active}
            changes = [change for name, variant in chosen for change in by_id[name].changes[variant]]
            able = [(log, change) for log, change in changes if self._is_able(log, change)]
            if len(able) < len(changes):
                _log.warning("a persona or policy of an experiment is gone: the server's policy chooses", parts=chosen)
            found = self._treatments[chosen] = treatment_of(able, self._chooser)
        return found

    def _is_able(self, log: str, change: Change) -> bool:
        if not can_decide(change, self._can):
            return False
        return not is_learning(change) or self._policies.learner(log) is not None

    def _chooser(self, log: str, change: Change) -> Chooser | None:
        return self._policies.learner(log) if is_learning(change) else still(log, change, self._can.make_policy)

    def _holds(self, known: _Known) -> bool:
        if known.read_ms is None:
            return False
        return self._sole_worker or self._clock.mono_ms() - known.read_ms < TRUST_MS

    async def _read_user(self, user_id: str) -> Mapping[str, str]:
        found = await self._store.exposures_of(user_id)
        self._remember(user_id, _Known(found, self._clock.mono_ms()))
        return found

    def _remember(self, user_id: str, known: _Known) -> None:
        self._users[user_id] = known
        self._users.move_to_end(user_id)
        if len(self._users) > self._max_users:
            self._users.popitem(last=False)


def attributes_of(sender: User, analysis: Analysis, turns: int, now_ms: int) -> Attributes:
    """What targeting rules may ask of a message (``treatments.ATTRIBUTES``); hours and weekdays (0 Monday) in UTC."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    return {
        "language": analysis.language,
        "intent": analysis.intent,
        "act": analysis.act,
        "sentiment_score": analysis.sentiment.score,
        "urgency": analysis.urgency,
        "turns": turns,
        "guest": sender.name == GUEST_NAME,
        "hour_of_day": moment.hour + moment.minute / 60,
        "weekday": moment.weekday(),
    }


def drawn_by(
    policy: Chooser, x: NDArray[np.float64], arms: tuple[str, ...], *, user: str, segment: str | None
) -> Drawn | None:
    """The decision of a variant's policy among ``arms``; None where it knows none of them."""
    own = policy.drawable
    allowed = [arm for arm in own if arm in arms]
    if not allowed:
        return None
    chosen = policy.choose(x, allowed=None if len(allowed) == len(own) else allowed, user=user, segment=segment)
    return Drawn(policy.name, policy.arms, chosen, policy.version, policy.seed)


def _learning(rows: Sequence[ExperimentRow]) -> dict[str, Change]:
    """The variants' policies that learn and act, by the names of their logs."""
    found = [change for own in map(_read, rows) if own is not None for change in own.deciding]
    return {log: change for log, change in found if is_learning(change)}


def _read(row: ExperimentRow) -> _Active | None:
    try:
        own = from_document(row.document)
    except ExperimentError as error:  # a newer release's, during a rolling update
        _log.error("experiment not understood", experiment=row.id, reason=str(error))
        return None
    if own.state == "completed" and own.winner is None:
        return None
    changes = {
        variant.name: tuple((log_of(own.id, variant.name), change) for change in variant.changes)
        for variant in own.variants
    }
    return _Active(own, own.allocation, changes)


def _mark_retrieved(reading: asyncio.Future[Mapping[str, str]]) -> None:
    # A text that can't be understood leaves its reading behind.
    if not reading.cancelled():
        reading.exception()
