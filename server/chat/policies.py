"""Policies, for admins: what they have learned, what was done to them, and doing it. Over HTTP and by the command.

Whatever is done is an entry of the policy's log, with who did it, which every worker follows at the same place.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from server.chat.fold import Fold, PolicyMaker
from server.chat.learning import Learner
from server.chat.lineage import Lineage, lineage_at, persona_of
from server.chat.peer import Caller
from server.chat.replay import snapshot_of
from server.chat.variant_policies import named_by
from server.clock import Clock
from server.errors import Conflict, Forbidden, Invalid, NotFound, StartupError
from server.store.policy_ports import ChangeKind, PolicyChange, Snapshot
from server.store.ports import Store

MOST_SHOWN = 1_000
ArmChange = Literal["remove", "pause", "resume"]
Json = dict[str, Any]


Makers = Callable[[str], Awaitable[PolicyMaker | None]]
"""By a log's name, what makes its policy; None where nothing learns from it: a hold-out, a pinned persona."""


class PolicyDesk:
    """``name``: of the log of the policy that is used; variants of experiments have logs of their own. ``fold`` gives
    what a log says now of the policy that a maker makes.

    ``snapshots_kept``: how many that nobody asked for.
    """

    def __init__(
        self,
        store: Store,
        *,
        name: str,
        makers: Makers,
        fold: Callable[[str, PolicyMaker], Awaitable[Fold]],
        clock: Clock,
        snapshots_kept: int,
    ) -> None:
        self._store = store
        self._name = name
        self._makers = makers
        self._fold = fold
        self._clock = clock
        self._snapshots_kept = snapshots_kept

    async def overview(self) -> list[Json]:
        """Every policy that has a log, and the one that is used."""
        ends = await self._store.log_ends()
        return [await self._item(name, ends.get(name, 0)) for name in sorted({*ends, self._name})]

    async def show(self, name: str) -> Json:
        """One of them with its snapshots, the newest first, and its changes. ``NotFound``."""
        ends = await self._store.log_ends()
        if not await self._exists(name, ends):
            raise NotFound(f"There is no policy {name!r}.")
        changes = await self._store.policy_changes(name)
        return {
            **await self._item(name, ends.get(name, 0)),
            "snapshots": [shown_snapshot(one) for one in await self._store.snapshots(name, MOST_SHOWN)],
            "changes": [_shown_change(one) for one in changes[-MOST_SHOWN:]],
        }

    async def snapshot(self, name: str, by: str) -> Snapshot:
        """Make one of what is known now; it stays until another replaces it at the same place."""
        maker, now_ms = await self._maker(name), self._clock.now_ms()
        made = snapshot_of(await self._fold(name, maker), maker, name, reason="manual", by=by, created_ms=now_ms)
        await self._store.save_snapshot(made, self._snapshots_kept)
        return made

    async def roll_back(self, name: str, to: int, by: str) -> PolicyChange:
        """Go back to what was known at the place ``to``. ``NotFound`` where the log is shorter."""
        maker = await self._maker(name)
        end = (await self._store.log_ends()).get(name, 0)
        if not 0 <= to <= end:
            raise NotFound(f"The log of {name!r} has no place {to}: it ends at {end}.")
        if to == end:
            raise Conflict(_USELESS["rollback"])
        return await self._change(name, maker, "rollback", {"to": to}, by)

    async def add_arm(
        self, name: str, persona: Mapping[str, Any], like: str | None, weight: float, by: str
    ) -> PolicyChange:
        """A new persona. ``Invalid`` for one that can't be read, ``Conflict`` for one that the policy can't take."""
        maker = await self._maker(name)
        data: Json = {"persona": dict(persona), "weight": weight} | ({} if like is None else {"like": like})
        made = persona_of(data)
        if made is None:
            raise Invalid("That is no persona: give name, title, description, traits and style as in personas.yaml.")
        lineage = await self._lineage(name, maker)
        if like is not None and like not in lineage.arms:
            raise NotFound(f"There is no persona {like!r} to be like.")
        try:
            maker.make((*lineage.personas, made))
        except (ValueError, StartupError) as error:
            raise Conflict(str(error)) from error
        return await self._change(name, maker, "add", data, by)

    async def change_arm(self, name: str, kind: ArmChange, arm: str, by: str) -> PolicyChange:
        """Remove, pause or resume a persona. ``NotFound``; ``Conflict`` for the last that is open."""
        maker = await self._maker(name)
        if arm not in (await self._lineage(name, maker)).arms:
            raise NotFound(f"There is no persona {arm!r}.")
        return await self._change(name, maker, kind, {"arm": arm}, by)

    async def _change(self, name: str, maker: PolicyMaker, kind: ChangeKind, data: Json, by: str) -> PolicyChange:
        now_ms = self._clock.now_ms()
        changes = await self._store.policy_changes(name)
        end = (await self._store.log_ends()).get(name, 0)
        lineage = lineage_at(maker.personas, changes, end)
        intended = PolicyChange(name, end + 1, kind, data, by, now_ms)
        if lineage.after(intended, lambda to: lineage_at(maker.personas, changes, to)) == lineage:
            raise Conflict(_USELESS[kind])
        return await self._store.change_policy(name, kind, data, by, now_ms)

    async def _lineage(self, name: str, maker: PolicyMaker) -> Lineage:
        return lineage_at(maker.personas, await self._store.policy_changes(name), math.inf)

    async def _item(self, name: str, end: int) -> Json:
        item: Json = {"policy": name, "version": end, "used": name == self._name}
        maker = await self._makers(name)
        if maker is not None:
            lineage = await self._lineage(name, maker)
            item |= {"arms": list(lineage.arms), "paused": sorted(lineage.paused)}
        return item

    async def _exists(self, name: str, ends: Mapping[str, int]) -> bool:
        """It has a log, is used, or is an experiment's whose first reward is still to come."""
        return name in ends or name == self._name or (named_by(name) and await self._makers(name)) is not None

    async def _maker(self, name: str) -> PolicyMaker:
        """``NotFound``; ``Conflict`` for a log from which nothing learns."""
        if not await self._exists(name, await self._store.log_ends()):
            raise NotFound(f"There is no policy {name!r}.")
        maker = await self._makers(name)
        if maker is None:
            raise Conflict(f"Nothing learns from the log {name!r}, so there is nothing to change.")
        return maker


class Policies:
    """The desk for admins, on a worker that follows at once what is changed here. ``Forbidden`` for others.

    ``learner``: who follows a log here, if anybody does."""

    def __init__(self, desk: PolicyDesk, learner: Callable[[str], Learner | None]) -> None:
        self._desk = desk
        self._learner = learner

    async def overview(self, caller: Caller) -> Json:
        """All of them."""
        _require_admin(caller)
        return {"items": await self._desk.overview()}

    async def show(self, caller: Caller, name: str) -> Json:
        """One with its snapshots and changes. ``NotFound``."""
        _require_admin(caller)
        return await self._desk.show(name)

    async def snapshot(self, caller: Caller, name: str) -> Json:
        """Make one. ``Conflict``."""
        _require_admin(caller)
        return shown_snapshot(await self._desk.snapshot(name, caller.user.id))

    async def roll_back(self, caller: Caller, name: str, to: int) -> Json:
        """``NotFound``, ``Conflict``."""
        _require_admin(caller)
        return await self._followed(await self._desk.roll_back(name, to, caller.user.id))

    async def add_arm(
        self, caller: Caller, name: str, persona: Mapping[str, Any], *, like: str | None, weight: float
    ) -> Json:
        """``Invalid``, ``NotFound``, ``Conflict``."""
        _require_admin(caller)
        return await self._followed(await self._desk.add_arm(name, persona, like, weight, caller.user.id))

    async def change_arm(self, caller: Caller, name: str, kind: ArmChange, arm: str) -> Json:
        """``NotFound``, ``Conflict``."""
        _require_admin(caller)
        return await self._followed(await self._desk.change_arm(name, kind, arm, caller.user.id))

    async def _followed(self, change: PolicyChange) -> Json:
        learner = self._learner(change.policy)
        if learner is not None:
            await learner.catch_up(change.log_offset)
        return await self._desk.show(change.policy)


_USELESS: Mapping[str, str] = {
    "rollback": "That is where the policy is already.",
    "add": "There is a persona of that name already, or there are as many as can be told apart.",
    "remove": "That is the last persona that may be drawn: add or resume another first.",
    "pause": "That persona is paused already, or the last that may be drawn: add or resume another first.",
    "resume": "That persona is not paused.",
}


def shown_snapshot(snapshot: Snapshot) -> Json:
    """As JSON, without its state."""
    return {
        "version": snapshot.log_offset,
        "reason": snapshot.reason,
        "by": snapshot.by,
        "created_ms": snapshot.created_ms,
        "digest": snapshot.digest,
        "algorithm": str(snapshot.parameters.get("policy", "")),
        "arms": list(snapshot.parameters.get("arms", ())),
        "features": int(snapshot.parameters.get("dim", 0)),
    }


def _shown_change(change: PolicyChange) -> Json:
    shown: Json = {"version": change.log_offset, "kind": change.kind, "by": change.by, "at_ms": change.at_ms}
    if "to" in change.data:
        shown["to"] = change.data["to"]
    persona = change.data.get("persona")
    arm = change.data.get("arm") or (persona.get("name") if isinstance(persona, Mapping) else None)
    return shown if arm is None else {**shown, "arm": arm}


def _require_admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise Forbidden("policies are for admins")
