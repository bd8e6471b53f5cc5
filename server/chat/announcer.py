"""Tells conversations what became of their members, on the worker that has noticed it.

Nobody waits for this: moves are put into a queue that one task works off in batches. A move is a hint, no fact: what
is told is what registry and accounts say when it is told, so a late or repeated one does no harm, and one that can't be
told because store or registry are away waits until they are back.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import structlog

from server.chat.differences import Differences
from server.chat.signals import PresenceMoved, Signals
from server.chat.standing import Standing, Standings
from server.errors import Unavailable
from server.store.ports import Store
from server.wire.parts import Status

MAX_WAITING = 20_000
"""Moves that wait, some 2 MB; the oldest are dropped then, as after a minute without store or registry. Who asks
``who`` sees what is."""
MOVES_PER_BATCH = 256
MAX_CHANNELS_TOLD = 1_000
"""Conversations of one user that are told, those with the newest activity."""
AT_A_TIME = 32
"""Queries or rings in flight: enough to be batched, few enough not to be in the way of those that people wait for."""
GATHER_S = 0.02
RETRY_S = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrived:
    """Who had no device on any worker has one."""

    user_id: str


@dataclass(frozen=True, slots=True)
class Departed:
    """The last device that somebody had on a worker has gone, at wall clock ``at_ms``."""

    user_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Restyled:
    """A user has set another status or text; before they were these."""

    user_id: str
    status: Status
    status_text: str | None


@dataclass(frozen=True, slots=True)
class Membership:
    """These users (ids) are new members of a conversation, and those are none any more."""

    channel: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


Move = Arrived | Departed | Restyled | Membership


class Announcer:
    """``put`` moves; ``run`` tells them."""

    def __init__(self, *, store: Store, standings: Standings, signals: Signals) -> None:
        self._store = store
        self._standings = standings
        self._signals = signals
        self._moves: deque[Move] = deque(maxlen=MAX_WAITING)
        self._wake = asyncio.Event()
        self._failing = False

    def put(self, move: Move) -> None:
        """Have it told."""
        self._moves.append(move)
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Moves not told yet."""
        return len(self._moves)

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            if not await self.tell_waiting():
                await asyncio.sleep(RETRY_S)

    async def tell_waiting(self) -> bool:
        """Tell what waits; False where store or registry are away and the rest has to wait on."""
        self._wake.clear()
        while self._moves:
            batch = list(islice(self._moves, MOVES_PER_BATCH))
            try:
                await self._tell(batch)
            except Unavailable as error:
                if not self._failing:
                    _log.warning("presence not told, it waits", moves=len(self._moves), reason=str(error))
                self._failing = True
                self._wake.set()
                return False
            except Exception:  # trying again would fail again, for everybody behind it too
                _log.exception("presence not told", moves=len(batch))
            self._done(batch)
        self._failing = False
        return True

    def _done(self, batch: Sequence[Move]) -> None:
        """Those that were dropped meanwhile, for want of room, are not there any more."""
        for move in batch:
            if self._moves and self._moves[0] is move:
                self._moves.popleft()

    async def _tell(self, moves: Sequence[Move]) -> None:
        user_ids = {user_id for move in moves for user_id in _users_of(move)}
        standings = await self._standings.of(sorted(user_ids))
        told: dict[str, Differences] = defaultdict(Differences)
        members_changed = {move.channel for move in moves if isinstance(move, Membership)}
        by_user = _of_users(moves, standings)
        for user_id, channels in (await self._channels(list(by_user))).items():
            for channel in channels:
                told[channel].merge(*by_user[user_id].told())
        for move in moves:
            if isinstance(move, Membership):
                _enter(told[move.channel], move, standings)
        await self._note_departures(moves, standings)
        words = [PresenceMoved(channel, *told[channel].told(), channel in members_changed) for channel in told]
        await self._send(words)

    async def _channels(self, user_ids: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for start in range(0, len(user_ids), AT_A_TIME):
            few = user_ids[start : start + AT_A_TIME]
            lists = await asyncio.gather(*(self._store.channels_of(user_id, MAX_CHANNELS_TOLD) for user_id in few))
            found |= zip(few, lists, strict=True)
        return found

    async def _note_departures(self, moves: Sequence[Move], standings: Mapping[str, Standing]) -> None:
        seen: dict[int, list[str]] = defaultdict(list)
        for move in moves:
            if isinstance(move, Departed) and _has_left(move, standings):
                seen[move.at_ms].append(move.user_id)
        await asyncio.gather(*(self._store.saw(user_ids, at_ms) for at_ms, user_ids in seen.items()))

    async def _send(self, words: Sequence[PresenceMoved]) -> None:
        for start in range(0, len(words), AT_A_TIME):
            few = words[start : start + AT_A_TIME]
            await asyncio.gather(*(self._signals.send(word, word.channel) for word in few))


def _users_of(move: Move) -> tuple[str, ...]:
    return move.added + move.removed if isinstance(move, Membership) else (move.user_id,)


def _has_left(move: Departed, standings: Mapping[str, Standing]) -> bool:
    standing = standings.get(move.user_id)
    return standing is not None and not standing.is_present


def _of_users(moves: Sequence[Move], standings: Mapping[str, Standing]) -> dict[str, Differences]:
    """What all conversations of a user are told, by user; users without news are left out."""
    # Whoever arrives is told of as they look now, and of several changes of looks the first says what was before.
    looked_at = {move.user_id for move in moves if isinstance(move, Arrived)}
    found: dict[str, Differences] = defaultdict(Differences)
    for move in moves:
        if isinstance(move, Membership):
            continue
        if isinstance(move, Restyled):
            if move.user_id in looked_at:
                continue
            looked_at.add(move.user_id)
        standing = standings.get(move.user_id)
        if standing is not None:
            _compare(found[move.user_id], move, standing)
    return {user_id: differences for user_id, differences in found.items() if differences.told()}


def _compare(differences: Differences, move: Arrived | Departed | Restyled, standing: Standing) -> None:
    match move:
        case Arrived():
            if standing.is_visible:
                differences.joined(standing.shown())
        case Departed(_, at_ms):
            if not standing.is_present and standing.account.status != "invisible":
                differences.left(standing.gone(at_ms))
        case Restyled(_, status, text):
            was_visible = status != "invisible"
            if not standing.is_present or (status, text) == (standing.account.status, standing.account.status_text):
                return
            if standing.is_visible:
                (differences.changed if was_visible else differences.joined)(standing.shown())
            elif was_visible:
                differences.left(standing.gone(standing.seen_ms))


def _enter(differences: Differences, move: Membership, standings: Mapping[str, Standing]) -> None:
    for user_id in move.added:
        if user_id in standings and standings[user_id].is_visible:
            differences.joined(standings[user_id].shown())
    for user_id in move.removed:
        if user_id in standings and standings[user_id].is_visible:
            differences.left(standings[user_id].gone(standings[user_id].seen_ms))
