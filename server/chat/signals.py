"""Word between workers, and on one worker from the verb to whoever has to act on it.

A signal travels as an ``Envelope`` for ``workers``: on a conversation's channel it reaches the workers on which
somebody has joined that, on ``WORKERS_CHANNEL`` it reaches all. Like every envelope it may be lost: whoever relies on
one also looks at the ledger from time to time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec
import structlog
from msgspec import Struct

from server.backplane.ports import Envelope
from server.fanout.hub import WORKERS_CHANNEL, Fanout
from server.wire.frames import Notification
from server.wire.parts import Presence, User

_log = structlog.get_logger(__name__)

SignalT = TypeVar("SignalT", bound="Signal")


class Signal(Struct, frozen=True, tag=True, omit_defaults=True):
    """A piece of word; subclasses say what."""


class PresenceMoved(Signal, frozen=True):
    """What became of members of a conversation. Each list holds a user once.

    ``members_changed``: who its members are has changed too, of whom those who are not there stand in no list.
    """

    channel: str
    joined: list[Presence] = []
    left: list[Presence] = []
    changed: list[Presence] = []
    members_changed: bool = False


class TypingMoved(Signal, frozen=True):
    """A user types, or has stopped."""

    channel: str
    user: User
    on: bool


class Removed(Signal, frozen=True):
    """These are no members any more: their subscriptions end."""

    channel: str
    user_ids: list[str]


class Revoked(Signal, frozen=True):
    """A user's tokens from before ``tokens_from_ms`` are void; ``banned``: all of them, for good."""

    user_id: str
    tokens_from_ms: int
    banned: bool


class TurnsLeft(Signal, frozen=True):
    """Turns have been stored in a conversation for a worker that did not store them itself."""

    worker: str
    channel: str


class Rewarded(Signal, frozen=True):
    """A policy's reward log has grown to ``log_offset``."""

    policy: str
    log_offset: int


class NotedByAll(Signal, frozen=True):
    """A notification for everybody; ``channel`` in it is each user's own."""

    notification: Notification


class QueueMoved(Signal, frozen=True):
    """Something about these waiting conversations may have changed, or whether they wait."""

    channels: list[str]


class ModelsMoved(Signal, frozen=True):
    """Other versions of the model are to be in use: the deployment has this revision."""

    revision: int


class ExperimentsMoved(Signal, frozen=True):
    """An experiment was made, started, stopped or widened."""


class KnowledgeMoved(Signal, frozen=True):
    """Articles have changed, or their embeddings."""


class FiguresWanted(Signal, frozen=True):
    """Somebody looks at the cluster's figures: every worker tells its own for a while."""


class WorkerHealth(Struct, frozen=True, omit_defaults=True):
    """What a worker knows of itself.

    ``disk_free``: share of its data directory's file system. ``psi``: version, measure and index of the models that
    answer here, over all workers; ``disputed``: whether people agree less with each than before. ``model_away``: None
    where there is no language model. ``model``: the version that answers; ``policy_version``: how much of the reward
    log its policy has folded.
    """

    started_ms: int = 0
    version: str = ""
    model: str = ""
    policy_version: int = 0
    disk_free: float | None = None
    redis_away: bool = False
    model_away: bool | None = None
    psi: list[tuple[str, str, float]] = []
    disputed: list[tuple[str, bool]] = []


class WorkerFigures(Signal, frozen=True):
    """One worker's figures of the last seconds and minutes, such that the cluster's are made of them by adding up.

    ``conversations``: a sketch of those with a subscriber (``server.chat.rollup``). ``turn_counts``,
    ``analysis_counts``: observations per bucket of ``server.telemetry``. ``cpu``: processor seconds per second.
    ``decisions``: answers by persona. ``apologies``: as ``turns``, over five minutes. ``health``: how the worker is.
    """

    worker: str
    connections: int
    conversations: list[int]
    messages_per_s: float
    turns_per_s: float
    deliveries_per_s: float
    errors_per_s: float
    cpu: float
    rss_bytes: int
    outbox_drops: int
    turn_counts: list[int]
    analysis_counts: list[int]
    sentiment_sum: float
    sentiment_count: int
    turns: int
    handoffs: int
    decisions: dict[str, int]
    apologies: int = 0
    health: WorkerHealth = WorkerHealth()


class AlertsMoved(Signal, frozen=True):
    """Somebody has acknowledged an alert, or silenced a rule: whoever looks after them should look."""


class EditsMoved(Signal, frozen=True):
    """Somebody has edited personas or mood rules."""


AnySignal = (
    PresenceMoved
    | TypingMoved
    | Removed
    | Revoked
    | TurnsLeft
    | Rewarded
    | NotedByAll
    | QueueMoved
    | ModelsMoved
    | ExperimentsMoved
    | KnowledgeMoved
    | FiguresWanted
    | WorkerFigures
    | AlertsMoved
    | EditsMoved
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AnySignal).decode


class Signals:
    """Sends signals, and hands those that arrive to the handlers of their kind."""

    def __init__(self) -> None:
        self._handlers: dict[type[Signal], tuple[Callable[[Any], None], ...]] = {}
        self._fanout: Fanout | None = None

    def connect(self, fanout: Fanout) -> None:
        """The road they take."""
        self._fanout = fanout

    def on(self, kind: type[SignalT], handler: Callable[[SignalT], None]) -> None:
        """``handler`` runs on the event loop's thread and must not block."""
        self._handlers[kind] = (*self._handlers.get(kind, ()), cast(Callable[[Any], None], handler))

    def off(self, kind: type[SignalT], handler: Callable[[SignalT], None]) -> None:
        """``handler`` hears of them no more."""
        self._handlers[kind] = tuple(one for one in self._handlers.get(kind, ()) if one != handler)

    async def send(self, signal: AnySignal, channel: str = WORKERS_CHANNEL) -> None:
        """To every worker that has joined ``channel``, this one included."""
        if self._fanout is None:
            raise RuntimeError("signals are not connected to a fan-out")
        await self._fanout.publish(Envelope(channel, 0, _encode(signal), audience="workers"))

    def receive(self, envelope: Envelope) -> None:
        """Called by the fan-out."""
        try:
            signal = _decode(envelope.body)
        except msgspec.MsgspecError as error:  # a newer release's word during a rolling update
            _log.warning("signal not understood", channel=envelope.channel, reason=str(error))
            return
        for handler in self._handlers.get(type(signal), ()):
            handler(signal)
